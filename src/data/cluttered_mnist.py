"""Digits of MNIST in clutter, with the mask of each digit's ink."""

import math
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import override

from src.batch import Batch, TargetBatch
from src.data.idx_data_module import IdxDataModule
from src.data.images import Images
from src.data.mnist import MNISTDataModule
from src.data.per_image_affine import affine_origins

_INK = 128  # level from which a pixel of a digit is ink
_SEED = 1998  # of the clutter of validation and test, whatever the run's seed


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


class ClutteredMNISTDataModule(IdxDataModule):
    """Digits in clutter; the label of each pixel is the digit whose ink it is, or the ground.

    Each epoch draws new clutter around the digits to train on. That of validation and test is
    always the same.

    Args:
        data_dir: Folder of MNIST's files; missing ones are fetched into a subfolder.
        batch_size: Images in a training batch B.
        eval_batch_size: Images in a validation or test batch.
        shuffle: Draw a new order of the training images for each epoch.
        num_workers: Processes that read batches; 0 is fastest.
        on_device: Keep all images where the network is; not with workers.
        normalize: Mean and standard deviation that images are normalised by; None takes their own.

    References:
        Mnih, Heess, Graves and Kavukcuoglu, "Recurrent models of visual attention", 2014, for
        digits of MNIST in clutter. arXiv:1406.6247
    """

    title = MNISTDataModule.title
    num_classes = 11
    class_names = ("ground", *MNISTDataModule.class_names)
    mean: float = 0.5127  # of all pixels of the validation images, in [0, 1]
    std: float = 0.2937
    subfolder = MNISTDataModule.subfolder
    checksums = MNISTDataModule.checksums
    sources = MNISTDataModule.sources

    def __init__(
        self,
        data_dir: str = "data",
        batch_size: int = 100,
        eval_batch_size: int = 1000,
        shuffle: bool = True,
        num_workers: int = 0,
        on_device: bool = True,
        normalize: Literal["imagenet", "half"] | None = None,
    ) -> None:
        super().__init__(
            data_dir,
            batch_size,
            eval_batch_size,
            shuffle,
            Clutter(),
            num_workers,
            on_device,
            normalize,
        )

    @override
    def read_splits(self) -> dict[str, Images]:
        found = {}
        for number, (name, images) in enumerate(super().read_splits().items()):
            image, label = images.image, images.label.byte().view(-1, 1, 1)
            mask = torch.where(image[:, 0] < _INK, 0, label + 1)  # (N, H, W)
            if name != "train":
                generator = torch.Generator().manual_seed(_SEED + number)
                image = (Clutter()(image / 255, generator) * 255).round().byte()
            found[name] = Images(image, mask)
        return found

    @override
    def on_after_batch_transfer(  # type: ignore[override]  # a target instead of a label
        self, batch: Batch, dataloader_idx: int
    ) -> TargetBatch:
        return TargetBatch(*super().on_after_batch_transfer(batch, dataloader_idx))
