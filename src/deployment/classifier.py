"""A trained network with all that belongs to it, from pixels to calibrated probabilities."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from typing_extensions import override


class Classifier(nn.Module):
    """Normalise images, compute logits and calibrated probabilities.

    Args:
        network: Maps normalised images `(B, C, H, W)` to logits `(B, K)`.
        mean: Mean of the pixels of the training images, in `[0, 1]`; one, or one of each channel.
        std: Standard deviation of the same.
        temperature: Divisor of the logits before the softmax, positive; 1 leaves them.

    References:
        Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017.
        arXiv:1706.04599
    """

    mean: Tensor
    std: Tensor
    temperature: Tensor

    def __init__(
        self,
        network: nn.Module,
        mean: float | Sequence[float],
        std: float | Sequence[float],
        temperature: float = 1.0,
    ) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).reshape(-1, 1, 1))  # (1 or C, 1, 1)
        self.register_buffer("std", torch.tensor(std).reshape(-1, 1, 1))
        self.register_buffer("temperature", torch.tensor(float(temperature)))

    @override
    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Classify images.

        Args:
            image: Pixels, `(B, C, H, W)`, floating point, in `[0, 1]`.

        Returns:
            Logits, `(B, K)`, and probabilities, `(B, K)`.
        """
        logits = self.network((image - self.mean) / self.std)
        return logits, (logits / self.temperature).softmax(dim=1)
