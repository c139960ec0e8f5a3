"""Digits of MNIST in clutter, with the mask of each digit's ink."""

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import override

from src.data.made_mnist import MadeMNISTDataModule
from src.data.mnist import MNISTDataModule
from src.data.per_image_affine import affine_origins

_INK = 128  # level from which a pixel of a digit is ink


class Clutter(nn.Module):
    """Put pieces of other digits, lines, dots and an uneven ground around each digit.

    All of it is as bright as the digit may be, so that no threshold of brightness finds the digit.

    Args:
        pieces: Digits of which a part is seen, beside each.
        lines: Straight lines in each image.
        dots: Share of the pixels that are dots, in `[0, 1]`.
        ground: Brightness that the ground may reach, in `[0, 1]`.
    """

    def __init__(
        self, pieces: int = 2, lines: int = 2, dots: float = 0.02, ground: float = 0.6
    ) -> None:
        super().__init__()
        self.pieces = pieces
        self.lines = lines
        self.dots = dots
        self.ground = ground

    @override
    def forward(self, image: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw clutter of its own for each image.

        Args:
            image: Digits, `(B, 1, H, W)` in `[0, 1]`, floating point; the background is 0.
            generator: Source of randomness on the device of `image`; None takes the global one.

        Returns:
            The same digits, in clutter, in `[0, 1]`.
        """
        rand = partial(torch.rand, device=image.device, generator=generator)
        strokes = [(rand(image.shape) < self.dots).to(image.dtype)]
        strokes += [_piece(image.roll(1 + number, 0), rand) for number in range(self.pieces)]
        strokes += [_line(image, rand) for _ in range(self.lines)]
        contrast = 0.4 + 0.6 * rand(1 + len(strokes), len(image), 1, 1, 1)
        brightest = (torch.stack([image, *strokes]) * contrast).amax(0)
        coarse = self.ground * rand(len(image), 1, 3, 3)
        ground = F.interpolate(coarse, image.shape[-2:], mode="bilinear", align_corners=True)
        return (ground + brightest).clamp_(max=1)


def _piece(image: Tensor, rand: partial[Tensor]) -> Tensor:
    """Turn each digit and move it so far out of the middle that a part of it is left."""
    turn, direction = 2 * math.pi * rand(2, len(image))
    distance = image.shape[-1] * (0.45 + 0.15 * rand(len(image)))  # (B,) [px]
    shift = distance * torch.stack([direction.cos(), direction.sin()])
    origins = affine_origins(image, turn, torch.ones_like(turn), shift)
    return F.grid_sample(image, origins, align_corners=False)


def _line(image: Tensor, rand: partial[Tensor]) -> Tensor:
    """Draw a straight line from the border to somewhere in each image, as wide as a stroke."""
    height, width = image.shape[-2:]
    y = torch.arange(height, device=image.device).view(-1, 1)
    x = torch.arange(width, device=image.device)
    angle = 2 * math.pi * rand(len(image), 1, 1, 1)
    through, end = height * (rand(2, len(image), 1, 1, 1) - 0.5)
    across = (x - width / 2) * angle.cos() + (y - height / 2) * angle.sin() - through
    along = (y - height / 2) * angle.cos() - (x - width / 2) * angle.sin() - end
    line: Tensor = (2 - across.abs()).clamp(0, 1) * (along > 0)  # (B, 1, H, W)
    return line


class ClutteredMNISTDataModule(MadeMNISTDataModule):
    """Digits in clutter; the label of each pixel is the digit whose ink it is, or the ground.

    Each epoch draws new clutter around the digits to train on. That of validation and test is
    always the same.

    References:
        Mnih, Heess, Graves and Kavukcuoglu, "Recurrent models of visual attention", 2014, for
        digits of MNIST in clutter. arXiv:1406.6247
    """

    num_classes = 11
    class_names = ("ground", *MNISTDataModule.class_names)
    mean: float = 0.5127  # of all pixels of the validation images, in [0, 1]
    std: float = 0.2937
    first_seed = 1999

    @override
    def made(
        self, digit: Tensor, label: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        mask = torch.where(digit[:, 0] < _INK, 0, label.byte().view(-1, 1, 1) + 1)  # (B, H, W)
        return Clutter()(digit / 255, generator) * 255, mask
