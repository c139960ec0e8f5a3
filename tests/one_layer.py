"""The simplest network."""

import math

from torch import Tensor, nn
from typing_extensions import override


class OneLayer(nn.Module):
    """One linear layer.

    Args:
        image_shape: Channels, height and width of an image [px].
        num_classes: Number of classes K.
    """

    def __init__(self, image_shape: tuple[int, int, int], num_classes: int) -> None:
        super().__init__()
        self.layer = nn.Linear(math.prod(image_shape), num_classes)

    @override
    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.layer(image.flatten(1))
        return logits
