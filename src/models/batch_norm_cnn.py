"""A small convolutional network with batch normalisation."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import override

_SMALLEST = 12  # two poolings, each by 2, and a convolution without padding


class BatchNormCNN(nn.Module):
    """Four convolutions with batch normalisation, the first two with pooling, and a linear layer.

    With the default sizes it has 91,890 parameters.

    Args:
        image_shape: Channels, height and width of an image; at least 12 x 12 px.
        num_classes: Number of classes K.
        width: Channels after the first convolution, of those that come to 2, 8/3 and 8/3 times as
            many after the others.
        dropout: Share of the features before the linear layer that training leaves out, in
            `[0, 1)`.

    Raises:
        ValueError: A size is too small, or `dropout` is outside `[0, 1)`.

    References:
        Ioffe and Szegedy, "Batch normalization", ICML 2015. arXiv:1502.03167
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (1, 28, 28),
        num_classes: int = 10,
        width: int = 24,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        in_channels, height, width_px = image_shape
        small = min(in_channels, num_classes, width) < 1 or min(height, width_px) < _SMALLEST
        if small or not 0 <= dropout < 1:
            raise ValueError(
                f"BatchNormCNN needs positive sizes, images of at least {_SMALLEST} x {_SMALLEST} "
                f"px and dropout in [0, 1), got {image_shape=}, {num_classes=}, {width=}, "
                f"{dropout=}"
            )
        channels = width, 2 * width, 8 * width // 3, 8 * width // 3
        self.conv1 = nn.Conv2d(in_channels, channels[0], kernel_size=5, padding=2, bias=False)
        self.conv2 = nn.Conv2d(channels[0], channels[1], kernel_size=3, padding=1, bias=False)
        self.conv3 = nn.Conv2d(channels[1], channels[2], kernel_size=3, padding=1, bias=False)
        self.conv4 = nn.Conv2d(channels[2], channels[3], kernel_size=3, bias=False)
        self.norm1, self.norm2, self.norm3, self.norm4 = map(nn.BatchNorm2d, channels)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(channels[3] * (height // 4 - 2) * (width_px // 4 - 2), num_classes)
        self.to(memory_format=torch.channels_last)  # the faster layout of convolutions

    @override
    def forward(self, image: Tensor) -> Tensor:
        """Compute the logits of each image.

        Args:
            image: Normalised pixels, `(B, C, H, W)`.

        Returns:
            Logits, `(B, K)`.
        """
        x = F.relu(self.norm1(F.max_pool2d(self.conv1(image), 2)))  # (B, width, H/2, W/2)
        x = F.relu(self.norm2(F.max_pool2d(self.conv2(x), 2)))  # (B, 2 width, H/4, W/4)
        x = F.relu(self.norm3(self.conv3(x)))
        x = F.relu(self.norm4(self.conv4(x)))  # (B, 8/3 width, H/4 - 2, W/4 - 2)
        logits: Tensor = self.fc(self.dropout(x.flatten(1)))
        return logits
