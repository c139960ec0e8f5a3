"""Small folders of photos, as users bring them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image


def photo(path: Path, number: int = 0, size: tuple[int, int] = (20, 16), **save: Any) -> Path:
    """Write a picture of one colour that no other number has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (number % 256, 255 - number % 256, number // 256)).save(path, **save)
    return path


def photo_folder(
    root: Path,
    count: int = 20,
    splits: tuple[str, ...] = ("train",),
    labels: Sequence[str] = ("cat", "dog"),
) -> Path:
    """Write photos of some classes for each split, all different."""
    number = 0
    for split in splits:
        for label in labels:
            for each in range(count):
                photo(root / split / label / f"{each}.png", number)
                number += 1
    return root
