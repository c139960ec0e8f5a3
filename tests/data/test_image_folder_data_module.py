import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from src.data import ImageFolderDataModule, Images
from src.data.image_data_module import channel_statistics
from src.data.photos import Photos
from tests.data.photo_folders import photo, photo_folder

PHOTOS = Path(__file__).parents[2].parent / "shared/data/clothing"
STREAMED = {"memory_mib": 0}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return photo_folder(tmp_path / "photos", 10, ("train", "validation", "test"))


def module(root: Path, **settings: Any) -> ImageFolderDataModule:
    settings = {"image_size": 8, "batch_size": 6, "eval_batch_size": 7} | settings
    data = ImageFolderDataModule(str(root), **settings)
    data.prepare_data()
    data.setup("fit")
    return data


def batches(data: ImageFolderDataModule) -> torch.Tensor:
    return torch.cat([batch.image for batch in data.train_dataloader()])


def test_module_publishes_classes_and_shape_before_it_reads(root: Path) -> None:
    data = ImageFolderDataModule(str(root), image_size=9, grey=True)
    assert (data.class_names, data.num_classes) == (("cat", "dog"), 2)
    assert data.image_shape == (1, 9, 9)


@pytest.mark.parametrize("settings", [{}, STREAMED, {"random_crop": True}], ids=str)
def test_batches_are_bytes_of_the_published_shape(root: Path, settings: dict) -> None:
    data = module(root, **settings)
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        batch = next(iter(loader))
        assert batch.image.shape[1:] == data.image_shape
        assert (batch.image.dtype, batch.label.dtype) == (torch.uint8, torch.int64)
        ready = data.on_after_batch_transfer(batch, 0)
        assert ready.image.dtype == torch.float32


def test_photos_that_fit_are_kept_and_others_streamed(root: Path, capsys) -> None:
    assert isinstance(module(root).splits["train"], Images)
    assert "60 photos, 0 MiB decoded: kept in memory" in capsys.readouterr().err
    assert isinstance(module(root, **STREAMED).splits["train"], Photos)
    assert "read from disk in each epoch" in capsys.readouterr().err


def test_kept_and_streamed_photos_give_the_same_batches(root: Path) -> None:
    kept, streamed = module(root), module(root, **STREAMED)
    assert torch.equal(batches(kept), batches(streamed))
    assert (kept.mean, kept.std) == (streamed.mean, streamed.std)
    assert kept.mean == channel_statistics(kept.read(train=True).image)[0]


def test_random_crops_are_the_same_with_workers(root: Path, monkeypatch) -> None:
    for number, path in enumerate(sorted(root.rglob("*.png"))):
        Image.effect_noise((30, 30), 50 + number).convert("RGB").save(path)
    monkeypatch.setenv("PL_GLOBAL_SEED", "5")
    kept = batches(module(root, random_crop=True))
    workers = module(root, random_crop=True, num_workers=1, **STREAMED)
    assert torch.equal(kept, batches(workers))
    monkeypatch.setenv("PL_GLOBAL_SEED", "6")
    assert not torch.equal(kept.sort(0).values, batches(workers).sort(0).values)


def test_broken_photos_are_refused_or_left_out(root: Path) -> None:
    (root / "train/cat/0.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"0.png \(is empty\).*--data.skip_broken true"):
        module(root)
    assert len(module(root, skip_broken=True).splits["train"]) == 19


def test_classes_are_numbered_by_all_splits(root: Path) -> None:
    shutil.rmtree(root / "validation/cat")
    assert module(root).splits["val"].label.unique().tolist() == [1]


def test_run_is_not_continued_with_other_classes(root: Path) -> None:
    state = module(root).state_dict()
    photo(root / "train/emu/a.png", 200)
    with pytest.raises(ValueError, match="too many, emu missing"):
        module(root).load_state_dict(state)
    with pytest.raises(ValueError, match="has other classes than the run: emu too many"):
        module(root, class_names=state["class_names"])


def test_run_is_not_continued_with_other_photos(root: Path) -> None:
    state = module(root).state_dict()
    (root / "train/cat/0.png").rename(root / "train/cat/other.png")
    data = module(root)
    data.load_state_dict(state)  # to evaluate, they may be others
    data.trainer = SimpleNamespace()
    with pytest.raises(ValueError, match="no longer those of the run: train has others"):
        data.load_state_dict(state)


def test_classes_of_a_run_serve_where_its_photos_are_not(tmp_path: Path) -> None:
    data = ImageFolderDataModule(str(tmp_path / "gone"), image_size=8, class_names=["a", "b"])
    assert data.num_classes == 2
    image = data.from_picture(Image.new("RGB", (30, 50), "red"))
    assert (image.shape, image.dtype) == ((3, 8, 8), torch.uint8)
    with pytest.raises(FileNotFoundError, match=r"no folder and no .csv"):
        data.prepare_data()


def test_last_batch_of_one_photo_is_told(root: Path, capsys) -> None:
    module(root, batch_size=19)
    assert "the last batch of 20 training photos has one" in capsys.readouterr().err
    module(root, batch_size=1)
    assert "last batch" not in capsys.readouterr().err


def test_impossible_sizes_are_refused(root: Path) -> None:
    with pytest.raises(ValueError, match="image_size >= 1 and memory_mib >= 0"):
        module(root, image_size=0)
