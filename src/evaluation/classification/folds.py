"""A training split in parts."""

from typing import Any, cast

import torch
from torch import Tensor
from torch.utils.data import Dataset
from typing_extensions import override

from src.engine.seed import derive_seed

_FEWEST = 2  # folds; with one, no image would be left to train on


class Part(Dataset[Any]):
    """Some images of a split; read a whole batch at a time if the split is.

    Args:
        split: Labelled images.
        index: Positions of those that are meant, `(N,)`, `int64`.
    """

    def __init__(self, split: Any, index: Tensor) -> None:
        self.split = split
        self.index = index
        if hasattr(split, "__getitems__"):  # its presence tells the DataLoader
            self.__getitems__ = self._items
        if hasattr(split, "with_random_cuts"):  # as it is trained on
            self.with_random_cuts = lambda: Part(split.with_random_cuts(), index)

    @property
    def image(self) -> Tensor:
        """Pixels, `(N, C, H, W)`."""
        return cast(Tensor, self.split.image[self.index])

    @property
    def label(self) -> Tensor:
        """Class indices, `(N,)`."""
        return cast(Tensor, self.split.label[self.index])

    def __len__(self) -> int:
        """Count the images N."""
        return len(self.index)

    @override
    def __getitem__(self, index: int) -> Any:
        return self.split[int(self.index[index])]

    def _items(self, index: Tensor | list[int]) -> Any:
        return self.split.__getitems__(self.index[index])


def divide(num_images: int, num_folds: int) -> Tensor:
    """Divide images into folds of equal size, always in the same way.

    Args:
        num_images: Number of images N.
        num_folds: Number of folds, in `[2, N]`.

    Returns:
        Fold of each image, `(N,)`, `int64`.

    Raises:
        ValueError: `num_folds` is outside `[2, N]`.
    """
    if not _FEWEST <= num_folds <= num_images:
        raise ValueError(f"--folds must be in [2, {num_images}], got {num_folds}")
    generator = torch.Generator().manual_seed(derive_seed("folds", num_images))
    fold = torch.empty(num_images, dtype=torch.int64)
    fold[torch.randperm(num_images, generator=generator)] = torch.arange(num_images) % num_folds
    return fold


def training_split(data: Any) -> Any:
    """Read the training split, if it and the data set allow to train on parts of it.

    Args:
        data: Data set with `splits`.

    Returns:
        The split: `image`, `label`, and whatever an index gives.

    Raises:
        ValueError: There is no such split, or `setup` does not keep the splits that are there.
        FileNotFoundError: The files of the data set cannot be had.
    """
    data.prepare_data()
    data.setup("fit")
    splits = getattr(data, "splits", None)
    split = splits.get("train") if isinstance(splits, dict) else None
    if not all(hasattr(split, name) for name in ("image", "label", "__getitem__")):
        raise ValueError(
            f"{type(data).__name__}.splits['train'] must have `image` and `label` and be indexed"
        )
    data.setup("fit")
    if data.splits is not splits:
        raise ValueError(must_keep(data))
    return split


def must_keep(data: Any) -> str:
    """Say what is wrong with a data set that reads its splits anew.

    Args:
        data: The data set.

    Returns:
        A sentence for the user.
    """
    return f"{type(data).__name__}.setup must keep the `splits` that are there"
