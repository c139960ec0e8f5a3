"""MNIST in miniature: official file names and format, synthetic digits that are easy to learn."""

import hashlib
import struct
from functools import cache
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from src.data import MNISTDataModule

NUM_TRAIN, NUM_TEST = 240, 60


def idx(values: Tensor) -> bytes:
    """Encode a uint8 tensor as an IDX file."""
    header = struct.pack(f">HBB{values.dim()}I", 0, 8, values.dim(), *values.shape)
    return header + values.numpy().tobytes()


@cache
def files() -> dict[str, bytes]:
    """Make the four files: each class is one bright bar in noise, always the same bytes."""
    generator = torch.Generator().manual_seed(0)
    content = {}
    for prefix, count in [("train", NUM_TRAIN), ("t10k", NUM_TEST)]:
        label = torch.arange(count, dtype=torch.uint8) % 10
        image = torch.randint(0, 64, (count, 28, 28), generator=generator, dtype=torch.uint8)
        for number, row in enumerate(2 * label.int() + 4):
            image[number, row] = 255
        content[f"{prefix}-images-idx3-ubyte"] = idx(image)
        content[f"{prefix}-labels-idx1-ubyte"] = idx(label)
    return content


class TinyMNIST(MNISTDataModule):
    """`MNISTDataModule` whose official files are the synthetic ones."""

    checksums: ClassVar[dict[str, str]] = {
        name: hashlib.sha256(data).hexdigest() for name, data in files().items()
    }
    disputed_test_indices: ClassVar[tuple[int, ...]] = ()
    angles: ClassVar[tuple[float, ...]] = ()  # a bar that is turned is another class


def write_files(folder: Path) -> None:
    """Put the four files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files().items():
        (folder / name).write_bytes(data)
