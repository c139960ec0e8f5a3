import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from src.data.photo_loader import PhotoLoader
from src.data.photos import Photos
from src.engine import ExactLoader
from tests.data.photo_folders import photo_folder


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more than processors
@pytest.mark.parametrize("workers", [2, 9])
def test_batches_are_those_of_a_plain_loader_and_stay_as_they_are(
    workers: int, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(50)]
    for path, pixels in zip(
        paths, np.random.default_rng(0).integers(0, 256, (50, 8, 8, 3), np.uint8), strict=True
    ):
        Image.fromarray(pixels).save(path)
    photos = Photos(paths, torch.arange(50), (3, 6, 6), cropped=True).with_random_cuts()
    loader = PhotoLoader(photos, 3, None, workers, shuffle=True)
    begun = iter(loader)
    first = [next(begun) for _ in range(5)]  # of an epoch that is left: others are being read
    batches = [*loader, *loader]
    plain = [*ExactLoader(photos, 3, None, shuffle=True)]
    for ours, other in zip([*first, *batches], [*plain[:5], *plain, *plain], strict=True):
        assert torch.equal(ours.image, other.image)
        assert torch.equal(ours.label, other.label)
    assert len(batches[-1].label) == 2


STREAMED = """
import resource, sys
from src.data import ImageFolderDataModule
settings = dict(image_size=224, batch_size=10, num_workers=2, memory_mib=0, disk_mib=0)
data = ImageFolderDataModule(sys.argv[1], **settings)
data.prepare_data()
data.setup("fit")
loader = data.train_dataloader()
print(sum(len(batch.label) for batch in loader))
del loader
who = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
print(*(resource.getrusage(each).ru_maxrss // 1024 for each in who))
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_photos(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    peaks = []
    for count in (60, 400):
        root = photo_folder(tmp_path / str(count), count)
        run = [sys.executable, "-c", STREAMED, root]
        said = subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()
        assert int(said[0]) == 2 * count * 8 // 10
        peaks.append([*map(int, said[1:])])
    grown = [more - less for less, more in zip(*peaks, strict=True)]
    assert max(grown) < 50, peaks  # MiB; all of the photos, decoded, take 98 MiB more
