"""The convolutional network of the notebook that this project started from."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import override

_SHRINK = 4  # two poolings, each by 2


class CNN(nn.Module):
    """Two convolutions, each followed by pooling to half the size, then three linear layers.

    With the default sizes it has 875,082 parameters.

    Args:
        image_shape: Channels, height and width of an image; at least 4 x 4 px.
        num_classes: Number of classes K.
        width: Channels after the first convolution; the second makes twice as many.
        hidden: Features after the first and after the second linear layer.

    Raises:
        ValueError: A size is too small.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (1, 28, 28),
        num_classes: int = 10,
        width: int = 16,
        hidden: tuple[int, int] = (512, 128),
    ) -> None:
        super().__init__()
        in_channels, height, width_px = image_shape
        if min(in_channels, num_classes, width, *hidden) < 1 or min(height, width_px) < _SHRINK:
            raise ValueError(
                f"CNN needs positive sizes and images of at least {_SHRINK} x {_SHRINK} px, "
                f"got {image_shape=}, {num_classes=}, {width=}, {hidden=}"
            )
        self.conv1 = nn.Conv2d(in_channels, width, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(width, 2 * width, kernel_size=3, padding=1)
        self.fc1 = nn.Linear(2 * width * (height // _SHRINK) * (width_px // _SHRINK), hidden[0])
        self.fc2 = nn.Linear(hidden[0], hidden[1])
        self.fc3 = nn.Linear(hidden[1], num_classes)
        self.to(memory_format=torch.channels_last)  # the faster layout of convolutions

    @override
    def forward(self, image: Tensor) -> Tensor:
        """Compute the logits of each image.

        Args:
            image: Normalised pixels, `(B, C, H, W)`.

        Returns:
            Logits, `(B, K)`.
        """
        # The maximum of ReLUs is the ReLU of the maximum, which has a quarter of the pixels.
        x = F.relu(F.max_pool2d(self.conv1(image), 2))  # (B, width, H/2, W/2)
        x = F.relu(F.max_pool2d(self.conv2(x), 2))  # (B, 2 width, H/4, W/4)
        x = x.flatten(1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        logits: Tensor = self.fc3(x)
        return logits
