"""Synthetic MNIST as torch's own DataLoader reads it."""

from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from src.batch import Batch
from tests.tiny_mnist import TinyMNIST


class Single(Dataset):
    """One image after the other, with some noise."""

    def __init__(self, images: Any) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Batch:
        image, label = self.images.__getitems__(torch.tensor([index]))
        return Batch(image[0] // 2 + torch.randint(9, image[0].shape, dtype=torch.uint8), label[0])


class PlainMNIST(TinyMNIST):
    def loader(self, images: Any, batch_size: int, **options: Any) -> Any:
        shuffle = options.get("shuffle", False)
        return DataLoader(Single(images), batch_size, shuffle=shuffle, num_workers=2)
