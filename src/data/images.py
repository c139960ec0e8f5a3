"""Images and their labels, all in memory."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset
from typing_extensions import override

from src.batch import Batch


class Images(Dataset[Batch]):
    """Labelled images in memory, read a whole batch at a time.

    Args:
        image: Pixels, `(N, C, H, W)`, `uint8`.
        label: Class indices, `(N,)`, `int64`.
    """

    def __init__(self, image: Tensor, label: Tensor) -> None:
        self.image = image
        self.label = label

    def __len__(self) -> int:
        """Count the images N."""
        return len(self.label)

    @property
    def device(self) -> torch.device:
        """Where the images are, and where the indices of a batch must be."""
        return self.label.device

    @override
    def __getitem__(self, index: int) -> Batch:
        return self.__getitems__(torch.tensor([index], device=self.device))

    def __getitems__(self, index: Tensor | Sequence[int]) -> Batch:
        """Read a batch in one indexing operation; loaders call it by this name.

        Args:
            index: Positions, `(B,)`, each in `[0, N)`; the ExactLoader gives a tensor, torch's own
                loader a list.

        Returns:
            The images and labels at `index`.
        """
        index = torch.as_tensor(index, device=self.device)
        # Of bytes, 15 times as fast as image[index].
        return Batch(self.image.index_select(0, index), self.label.index_select(0, index))

    def to(self, device: torch.device) -> "Images":
        """Bring all images to a device.

        Args:
            device: Where they shall be.

        Returns:
            The same images there.
        """
        return Images(self.image.to(device), self.label.to(device))


def split_indices(num_images: int) -> tuple[Tensor, Tensor]:
    """Divide the official training images into training and validation, always in the same way.

    Args:
        num_images: Number of images N.

    Returns:
        Positions for training and for validation, each ascending; a twelfth is for validation:
        5,000 of 60,000.
    """
    order = torch.randperm(num_images, generator=torch.Generator().manual_seed(1998))
    num_val = num_images // 12
    return order[num_val:].sort().values, order[:num_val].sort().values


def as_is(batch: Any) -> Any:
    """Give a batch that was read in one go to the loader, which has nothing to collate."""
    return batch


def channel_statistics(parts: Iterable[Tensor]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Compute mean and standard deviation of the pixels of each channel.

    Args:
        parts: Pixels of some images after the other, each `(N, C, H, W)`, `uint8`.

    Returns:
        Means and standard deviations, C of each, of pixels in `[0, 1]`; a channel of one value
        has the standard deviation of one grey level.
    """
    level = torch.arange(256, dtype=torch.float64) / 255
    counts = torch.stack([_counts(part) for part in parts]).sum(0)  # exact in any order
    means, stds = [], []
    for share in counts.double() / counts.sum(1, keepdim=True):
        means.append((share * level).sum().item())
        variance = (share * (level - means[-1]) ** 2).sum().item()
        stds.append(max(variance**0.5, 1 / 255))
    return tuple(means), tuple(stds)


def _counts(image: Tensor) -> Tensor:
    return torch.stack([each.flatten().bincount(minlength=256) for each in image.unbind(1)])
