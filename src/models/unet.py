"""A small U-Net: from images to the class of each pixel."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import override


class UNet(nn.Module):
    """Halve the image and double the channels level by level; then the same way back.

    On the way back each level also sees what the same size had on the way down. With the default
    sizes, one channel and two classes it has 487,730 parameters.

    Args:
        image_shape: Channels, height and width of an image; at least `2**depth` px a side.
        num_classes: Number of classes K.
        width: Channels at full size.
        depth: How often the size is halved.

    Raises:
        ValueError: A size is too small.

    References:
        Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image
        segmentation", 2015; here with padding and batch norm. arXiv:1505.04597
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (1, 28, 28),
        num_classes: int = 2,
        width: int = 16,
        depth: int = 3,
    ) -> None:
        super().__init__()
        if min(*image_shape, num_classes, width, depth) < 1 or min(image_shape[1:]) < 2**depth:
            raise ValueError(
                f"UNet needs positive sizes and images of at least {2**depth} x {2**depth} px, "
                f"got {image_shape=}, {num_classes=}, {width=}, {depth=}"
            )
        channels = [width * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList(map(_block, [image_shape[0], *channels[:-1]], channels))
        self.up = nn.ModuleList(_block(low + high, high) for high, low in pairwise(channels))
        self.head = nn.Conv2d(width, num_classes, kernel_size=1)
        self.to(memory_format=torch.channels_last)  # the faster layout of convolutions

    @override
    def forward(self, image: Tensor) -> Tensor:
        """Compute the logits of each pixel.

        Args:
            image: Normalised pixels, `(B, C, H, W)`.

        Returns:
            Logits, `(B, K, H, W)`.
        """
        x, seen = self.down[0](image), []
        for block in self.down[1:]:
            seen.append(x)
            x = block(F.max_pool2d(x, 2))  # half the size, twice the channels
        for block in reversed(self.up):
            same = seen.pop()
            x = block(torch.cat([same, F.interpolate(x, same.shape[-2:])], dim=1))
        logits: Tensor = self.head(x)
        return logits


def _block(in_channels: int, out_channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for each in (in_channels, out_channels):
        conv = nn.Conv2d(each, out_channels, kernel_size=3, padding=1, bias=False)
        layers += [conv, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
