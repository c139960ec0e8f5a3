from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from src.data.photo_loader import PhotoLoader
from src.data.photos import Photos
from src.engine import ExactLoader


@pytest.mark.slow
def test_batches_are_those_of_a_plain_loader_and_stay_as_they_are(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(50)]
    for path, pixels in zip(
        paths, np.random.default_rng(0).integers(0, 256, (50, 8, 8, 3), np.uint8), strict=True
    ):
        Image.fromarray(pixels).save(path)
    photos = Photos(paths, torch.arange(50), (3, 6, 6), cropped=True).with_random_cuts()
    loader = PhotoLoader(photos, 3, None, 2, shuffle=True)
    begun = iter(loader)
    first = [next(begun) for _ in range(5)]  # of an epoch that is left: others are being read
    batches = [*loader, *loader]
    plain = [*ExactLoader(photos, 3, None, shuffle=True)]
    for ours, other in zip([*first, *batches], [*plain[:5], *plain, *plain], strict=True):
        assert torch.equal(ours.image, other.image)
        assert torch.equal(ours.label, other.label)
    assert len(batches[-1].label) == 2
