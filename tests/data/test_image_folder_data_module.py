import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from src import evaluate, export, predict, reproduce
from src.data import ImageFolderDataModule, Images, image_folder_data_module
from src.data.images import channel_statistics
from src.data.photos import Photos
from src.engine import UsageError
from src.train import main
from tests.data.photo_folders import photo, photo_folder
from tests.test_exact_resume import curves, state
from tests.test_killed_run import finish, kill_often
from tests.test_train import refusal_of

CLOTHING = Path(__file__).parents[3] / "shared" / "data" / "clothing"
IN_MEMORY, STREAMED = {"disk_mib": 0}, {"memory_mib": 0, "disk_mib": 0}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return photo_folder(tmp_path / "photos", 10, ("train", "validation", "test"))


def module(root: Path, **settings: Any) -> ImageFolderDataModule:
    settings = {"image_size": 8, "batch_size": 6, "eval_batch_size": 7} | settings
    data = ImageFolderDataModule(str(root), **settings)
    data.prepare_data()
    data.setup("fit")
    return data


def fill_with_noise(root: Path) -> None:
    for path in root.rglob("*.png"):
        Image.effect_noise((30, 30), 80).convert("RGB").save(path)


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
    for settings, where in ({}, "mapped from"), (IN_MEMORY, "kept in memory"):
        assert isinstance(module(root, **settings).splits["train"], Images)
        said = f"60 photos of 2 classes, 0 MiB decoded: {where}"
        assert said in capsys.readouterr().err
    assert isinstance(module(root, **STREAMED).splits["train"], Photos)
    assert "read in each epoch (--data.disk_mib" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("devices", "given", "workers"), [(1, None, 6), (4, None, 1), (9, None, 1), (4, 5, 5)]
)
def test_processors_are_divided_among_the_processes_of_a_machine(
    root: Path, monkeypatch, devices: int, given: int | None, workers: int
) -> None:
    monkeypatch.setattr(image_folder_data_module, "processors", lambda: 6)
    data = ImageFolderDataModule(str(root), num_workers=given, **STREAMED)
    data.trainer = SimpleNamespace(num_devices=devices)
    data.read_splits()
    assert data.num_workers == workers


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more than processors
def test_no_more_processes_read_than_there_are_batches(root: Path) -> None:
    data = module(root, num_workers=50, **STREAMED)
    loaders = data.train_dataloader(), data.val_dataloader()
    assert [loader.num_workers for loader in loaders] == [4, 3]  # of 20 photos, by 6 and by 7


def test_kept_and_streamed_photos_give_the_same_batches(root: Path) -> None:
    kept, streamed = module(root), module(root, **STREAMED, num_workers=0)
    for other in streamed, module(root), module(root, **IN_MEMORY), module(root, **STREAMED):
        assert torch.equal(batches(kept), batches(other))
        assert (kept.mean, kept.std) == (other.mean, other.std)
    assert kept.mean == channel_statistics([kept.read(train=True).image])[0]


def test_random_crops_are_the_same_with_workers(root: Path, monkeypatch) -> None:
    fill_with_noise(root)
    monkeypatch.setenv("PL_GLOBAL_SEED", "5")
    kept = batches(module(root, random_crop=True))
    assert torch.equal(kept, batches(module(root, random_crop=True)))
    workers = module(root, random_crop=True, num_workers=1, **STREAMED)
    assert torch.equal(kept, batches(workers))
    monkeypatch.setenv("PL_GLOBAL_SEED", "6")
    assert not torch.equal(kept.sort(0).values, batches(workers).sort(0).values)


@pytest.mark.parametrize("settings", [{}, STREAMED], ids=str)
def test_balanced_sampler_draws_classes_equally_often(root: Path, settings, monkeypatch) -> None:
    for number in range(9):
        (root / f"train/cat/{number}.png").unlink()
    data = module(root, balanced_sampler=True, num_workers=0, **settings)
    assert data.class_counts.tolist() == [1, 10]
    seen: list[int] = []
    for seed in range(9):
        monkeypatch.setenv("PL_GLOBAL_SEED", str(seed))
        seen += [label for batch in data.train_dataloader() for label in batch.label.tolist()]
    assert len(seen) == 9 * 11
    assert sum(seen) / len(seen) == pytest.approx(0.5, abs=0.15)


def test_broken_photos_are_refused_or_left_out(root: Path) -> None:
    (root / "train/cat/0.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"0.png \(is empty\).*--data.skip_broken true"):
        module(root)
    assert len(module(root, skip_broken=True).splits["train"]) == 19


def test_classes_are_numbered_by_all_splits(root: Path) -> None:
    shutil.rmtree(root / "validation/cat")
    assert module(root).splits["val"].label.unique().tolist() == [1]


def test_run_is_not_continued_with_other_classes(root: Path) -> None:
    photo(root / "train/emu/a.png", 200)
    with pytest.raises(ValueError, match="than the run, more: emu, missing: ant"):
        module(root, class_names=["ant", "cat", "dog"])


def test_run_is_not_continued_with_other_photos(root: Path) -> None:
    state = module(root).state_dict()
    photo(root / "train/cat/0.png", 200)  # another one of that name
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
    with pytest.raises(UsageError, match=r"no folder and no .csv"):
        data.prepare_data()


@pytest.mark.parametrize("settings", [{}, STREAMED], ids=str)
def test_last_batch_of_one_photo_is_left_out(root: Path, settings: dict, capsys) -> None:
    data = module(root, batch_size=19, **settings)
    assert [len(batch.label) for batch in data.train_dataloader()] == [19]
    assert "the last training batch of an epoch would have one" in capsys.readouterr().err
    for size, sizes in ((1, [1] * 20), (20, [20]), (21, [20]), (18, [18, 2])):
        data = module(root, batch_size=size, **settings)
        assert [len(batch.label) for batch in data.train_dataloader()] == sizes


def test_impossible_sizes_are_refused(root: Path) -> None:
    with pytest.raises(ValueError, match="needs image_size >= 1, memory_mib >= 0"):
        module(root, image_size=0)


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
def test_killed_run_on_photos_ends_like_one_never_killed(root: Path, monkeypatch) -> None:
    monkeypatch.chdir(root.parent)
    fill_with_noise(root)
    settings = "root=photos image_size=12 batch_size=3 num_workers=2 random_crop=true"
    settings += " memory_mib=0 disk_mib=0"
    args = ["--data=ImageFolderDataModule", *(f"--data.{each}" for each in settings.split())]
    args += ["--trainer.callbacks=null", "--trainer.enable_progress_bar=false"]
    args += ["--last.every_n_steps=3", "--trainer.max_epochs=20"]
    finish(*args)
    kill_often(3, 1, *args)
    assert state(1) == state(0)
    assert curves(1) == curves(0)


def train(root: Path, *more: str) -> None:
    args = ["--data=ImageFolderDataModule", f"--data.root={root}", "--data.image_size=12"]
    args += ["--trainer.max_epochs=1", "--trainer.enable_progress_bar=false"]
    main([*args, "--trainer.callbacks=null", *more])


def contents(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.slow
def test_run_is_not_used_with_other_classes(root: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(root.parent)
    train(root)
    before = contents(Path())
    photo(root / "train/emu/a.png", 200)
    other = photo_folder(Path("other"), 10, labels=["ant", "cat", "emu"])
    for command in (
        lambda: main(["--ckpt_path=last", "--trainer.max_epochs=2"]),
        lambda: evaluate.main(["last"]),
        lambda: evaluate.main(["last", f"--data_dir={other}"]),
        lambda: export.main(["last"]),
        lambda: reproduce.main(["last"]),
    ):
        code, line = refusal_of(capsys, command)
        assert (code, "has other classes than the run, more: " in line) == (2, True)
    shutil.rmtree(root / "train/emu")
    shutil.rmtree(other)
    assert contents(Path()) == before
    main(["--ckpt_path=last", "--trainer.max_epochs=2"])


@pytest.mark.slow
def test_run_on_photos_predicts_without_them(root: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(root.parent)
    train(root)
    root.rename("gone")
    with pytest.raises(SystemExit) as stop:
        predict.main(["last", "gone/test/cat"])
    assert (stop.value.code, capsys.readouterr().out.count(".png")) == (0, 10)
    evaluate.main(["last", "--data_dir=gone"])
    main(["--ckpt_path=last", "--data.root=gone", "--trainer.max_epochs=2"])


@pytest.mark.slow
@pytest.mark.skipif(not CLOTHING.is_dir(), reason="the photos are not there")
def test_real_photos_are_trained_on(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    main([
        "--data=ImageFolderDataModule",
        f"--data.root={CLOTHING}",
        "--data.image_size=32",
        "--trainer.max_epochs=1",
        "--trainer.enable_progress_bar=false",
    ])  # fmt: skip
    assert "test accuracy" in capsys.readouterr().out
