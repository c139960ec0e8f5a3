"""MNIST, turned: by how many degrees is what is to be estimated."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from typing_extensions import override

from src.data.images import Images
from src.data.made_mnist import MadeMNISTDataModule
from src.data.mnist import MNISTDataModule
from src.data.per_image_affine import affine_origins

_LARGEST = 45.0  # [degree]; with more, 6 and 9 could not be told apart


class TurnedMNISTDataModule(MadeMNISTDataModule):
    """Handwritten digits, each turned by an angle in [-45, 45) degrees, which is the target.

    Images of validation and test are turned once, always in the same way; those of the training by
    a new angle each time. People write at a slant, so that no estimate can be exact.

    Attributes:
        num_classes: Numbers to estimate: one.
        target_names: What they are.
        target_unit: Their unit.
    """

    num_classes = 1
    class_names = ("angle",)
    target_names = class_names
    target_unit = "degrees"
    mean, std = MNISTDataModule.mean, MNISTDataModule.std
    drawn = "angle"

    @override
    def read(self, train: bool) -> Images:
        images = super().read(train)
        return Images(images.image, torch.zeros_like(images.label))  # not what is asked for

    @override
    def made(
        self, digit: Tensor, label: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        draw = torch.rand(len(digit), generator=generator, device=digit.device)
        angle = draw * 2 * _LARGEST - _LARGEST
        return turned(digit, angle), angle.unsqueeze(1)


def turned(image: Tensor, angle: Tensor) -> Tensor:
    """Turn images around their middle, filling with zeros.

    Args:
        image: Pixels, `(B, C, H, W)`, floating point.
        angle: How far, clockwise, `(B,)` [degree].

    Returns:
        The turned images, of the same shape.
    """
    still = torch.zeros(2, len(image), device=image.device)
    origins = affine_origins(image, angle * (math.pi / 180), torch.ones_like(angle), still)
    return F.grid_sample(image, origins, align_corners=False)
