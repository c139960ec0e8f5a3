"""Labelled photos on disk, or decoded in memory, that are read one by one."""

import copy
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset
from typing_extensions import override

from src.batch import Batch
from src.data.images import Images
from src.data.photo_index import FORMATS
from src.data.pictures import fitted

_LARGER = 8 / 7  # than an image is the picture that it is cut from: the usual 256 px for 224 px


class Photos(Dataset[Batch]):
    """Labelled photos, each decoded when it is asked for, unless they are kept in memory.

    Args:
        paths: Their files.
        label: Class indices, `(N,)`, `int64`.
        image_shape: Channels, height and width of an image [px].
        cropped: Whether an image is cut out of a picture that is a little larger.

    Attributes:
        at_random: Whether the place of the cut is drawn by torch's generator; else the middle.
    """

    def __init__(
        self,
        paths: Iterable[Path | bytes],
        label: Tensor,
        image_shape: tuple[int, int, int],
        cropped: bool = False,
    ) -> None:
        # In one piece: worker processes would copy, page by page, what Python counts references of.
        self.paths = np.array([os.fsencode(path) for path in paths], dtype=np.bytes_)
        self.label = label
        self.image_shape = image_shape
        self.cropped = cropped
        self.at_random = False
        self._kept: Tensor | None = None

    def __len__(self) -> int:
        """Count the photos N."""
        return len(self.label)

    @override
    def __getitem__(self, index: int) -> Batch:
        return Batch(self._cut(self._decoded(index)), self.label[index])

    @property
    def deterministic(self) -> bool:
        """Whether no random number is drawn for an image, so that none needs a seed."""
        return not self.at_random

    @property
    def image(self) -> "Pixels":
        """Pixels of the images that are asked for by their positions."""
        return Pixels(self)

    @property
    def decoded_shape(self) -> tuple[int, int, int, int]:
        """Shape of the pictures that the images are cut out of, `(N, C, H, W)`."""
        channels, *size = self.image_shape
        height, width = (round(side * _LARGER) if self.cropped else side for side in size)
        return len(self), channels, height, width

    def uncut(self) -> "Photos":
        """Give the same photos, of which nothing is cut off."""
        return Photos(self.paths, self.label, self.decoded_shape[1:])

    def keep(self, pictures: Tensor) -> None:
        """Read memory from now on.

        Args:
            pictures: All photos decoded, of `decoded_shape`.
        """
        self._kept = pictures

    def divide(self, sizes: Sequence[int]) -> "list[Self | Images]":
        """Divide the photos into parts.

        Args:
            sizes: Number of photos of each part.

        Returns:
            The parts; plain images where they are kept in memory and nothing is cut off.
        """
        parts: list[Self | Images] = []
        start = 0
        for size in sizes:
            part, own = copy.copy(self), slice(start, start := start + size)
            part.paths, part.label = self.paths[own], self.label[own]
            if self._kept is not None:
                part._kept = self._kept[own]
            plain = None if self.cropped else part._kept
            parts.append(part if plain is None else Images(plain, part.label))
        return parts

    def with_random_cuts(self) -> Self:
        """Give the same photos, cut at random places."""
        other = copy.copy(self)
        other.at_random = self.cropped
        return other

    def fit(self, picture: Image.Image) -> Tensor:
        """Make an image of a picture, cut out of it like the others.

        Args:
            picture: A picture of any mode and size; a JPEG not yet decoded is decoded small.

        Returns:
            Pixels, `(C, H, W)`, `uint8`.
        """
        return self._cut(self._fitted(picture))

    def _decoded(self, index: int) -> Tensor:
        if self._kept is not None:
            return self._kept[index]
        path = os.fsdecode(self.paths[index])
        try:
            with Image.open(path, formats=FORMATS) as picture:
                return self._fitted(picture)
        except (OSError, SyntaxError, ValueError) as error:
            raise OSError(f"{path} can no longer be read ({error}): mend or remove it") from error

    def _fitted(self, picture: Image.Image) -> Tensor:
        side = 2 * max(self.decoded_shape[2:])  # twice the size is decoded: as sharp as the whole
        picture.draft("", (side, side))
        return fitted(picture, self.decoded_shape[1:])

    def _cut(self, picture: Tensor) -> Tensor:
        spare = [have - want for have, want in zip(picture.shape, self.image_shape, strict=True)]
        if self.at_random:
            top, left = (int(torch.randint(more + 1, ())) for more in spare[1:])
        else:
            top, left = (more // 2 for more in spare[1:])
        _, height, width = self.image_shape
        return picture[:, top : top + height, left : left + width]


class Pixels(Dataset[Tensor]):
    """Pixels of photos, `(N, C, H, W)`, of which only those that are asked for are decoded.

    Args:
        photos: The photos.
    """

    def __init__(self, photos: Photos) -> None:
        self.photos = photos

    def __len__(self) -> int:
        """Count the photos N."""
        return len(self.photos)

    def __getitems__(self, index: Tensor) -> Tensor:
        """Decode photos of a batch, given their positions; loaders call it by this name."""
        return self[index]

    @override
    def __getitem__(self, index: Any) -> Tensor:
        """Decode photos.

        Args:
            index: A position, several, or a slice.

        Returns:
            Pixels, `uint8`, of one image `(C, H, W)` or of several.
        """
        chosen = torch.arange(len(self))[index]
        if not chosen.dim():
            return self.photos[int(chosen)].image
        images = [self.photos[number].image for number in chosen.tolist()]
        return torch.stack(images) if images else torch.empty(0, *self.photos.image_shape)
