"""A network in which all that is hard to resume plays a part: running statistics and dropout."""

import math

from torch import Tensor, nn
from typing_extensions import override


class NoisyNetwork(nn.Module):
    """A linear layer, batch normalisation, dropout and a linear layer.

    Args:
        image_shape: Channels, height and width of an image [px].
        num_classes: Number of classes K.
        hidden: Features between the layers.
    """

    def __init__(
        self, image_shape: tuple[int, int, int], num_classes: int, hidden: int = 32
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(math.prod(image_shape), hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(hidden, num_classes),
        )

    @override
    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.layers(image)
        return logits
