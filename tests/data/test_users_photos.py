"""Folders of photos as users have them, each trained on by its command."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.train import main
from tests.data.photo_folders import photo, photo_folder
from tests.test_train import refusal_of

SMALL = [
    "--data=ImageFolderDataModule",
    "--data.image_size=12",
    "--trainer.max_epochs=1",
    "--trainer.callbacks=null",
    "--trainer.enable_progress_bar=false",
    "--trainer.enable_model_summary=false",
]
ALL = "train", "val", "test"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return photo_folder(Path("meine Fotos ü"), 4, ALL)


def train(*args: str) -> None:
    main([*SMALL, *args])


def cut(root: Path) -> None:
    broken = photo(root / "train/cat/ä b.jpg", 99, (200, 200))
    broken.write_bytes(broken.read_bytes()[:-300])


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty class": (lambda root: (root / "train/emu").mkdir(), "no photo to train on of emu"),
    "class of one split": (lambda root: photo(root / "val/emu/a.png", 99), "to train on of emu"),
    "text": (lambda root: (root / "val/cat/a.jpg").write_text("x"), "a.jpg (is no picture)"),
    "empty file": (lambda root: (root / "val/cat/a.jpg").touch(), "val/cat/a.jpg (is empty)"),
    "truncated": (cut, "train/cat/ä b.jpg (image file is truncated"),
    "lost link": (lambda root: (root / "val/cat/a.jpg").symlink_to("no"), "(is not there)"),
    "leak": (
        lambda root: shutil.copy(root / "val/cat/0.png", root / "train/cat/x.png"),
        "train/cat/x.png (equals val/cat/0.png, a leak from val into train)",
    ),
    "twice": (
        lambda root: shutil.copy(root / "val/cat/0.png", root / "val/cat/x.png"),
        "val/cat/x.png (equals val/cat/0.png). Mend or remove them, or leave them out with",
    ),
    "two labels": (
        lambda root: shutil.copy(root / "val/cat/0.png", root / "val/dog/x.png"),
        "val/dog/x.png (equals val/cat/0.png, which has another label)",
    ),
    "one class": (
        lambda root: [shutil.rmtree(root / split / "cat") for split in ALL],
        "has photos of 1 classes, at least 2 are needed",
    ),
    "no train": (lambda root: shutil.rmtree(root / "train"), "has test, val but no train"),
    "nothing": (lambda root: [shutil.rmtree(root / name) for name in ALL], "photos of 0 classes"),
    "absent": (shutil.rmtree, "is no folder and no .csv or .parquet file"),
    "file": (
        lambda root: [shutil.rmtree(root), root.touch()],
        "is no folder and no .csv or .parquet file",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_folder_is_refused_in_one_line(root: Path, capsys, case: str) -> None:
    change, said = REFUSED[case]
    change(root)
    code, line = refusal_of(capsys, lambda: train(f"--data.root={root}"))
    assert (code, said in line) == (2, True), line
    assert not [*Path("lightning_logs").glob("version_*")]


def test_root_must_be_named(root: Path, capsys) -> None:
    for word in ([], ["--data.root="], ["--data.root=null"]):
        code, line = refusal_of(capsys, lambda word=word: train(*word))
        assert (code, "--data.root" in line) == (2, True), line


def add_oddities(root: Path) -> None:
    """Write pictures of every mode and format, some of which a system has left, and links."""
    noise = np.random.default_rng(0).integers(0, 255, (30, 40), np.uint8)
    grey = Image.fromarray(noise)
    for mode in ("1", "L", "P", "LA", "RGBA", "CMYK"):
        suffix = "jpg" if mode == "CMYK" else "png"
        grey.convert(mode).save(root / f"train/cat/mode {mode}.{suffix}")
    Image.fromarray(noise.astype(np.uint16) * 256).save(root / "train/cat/16 bit.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    grey.rotate(10).save(root / "train/dog/turned.JPG", exif=exif)
    grey.rotate(20).save(root / "train/dog/ö.webp")
    photo(root / "train/dog/pixel.png", 99, (1, 1))
    (root / "train/dog/loop").symlink_to(root.resolve())
    for name in ("train/.DS_Store", "train/dog/._0.jpg", "train/dog/Thumbs.db", ".x/a.jpg"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"x")
    photo(root / "train/tops/shirts/a.jpg", 100)
    photo(root / "train/tops/dresses/a.jpg", 101)


def test_folder_with_oddities_is_trained_on(root: Path, capsys) -> None:
    add_oddities(root)
    train(f"--data.root={root}")
    said = capsys.readouterr()
    assert "test accuracy" in said.out
    notes = said.err
    assert "36 photos of 3 classes" in notes
    assert "the 2 folders in meine Fotos ü/train/tops are one class, tops" in notes
    assert "passed over" not in notes


def test_class_of_one_photo_is_trained_on(root: Path, capsys) -> None:
    shutil.rmtree(root / "val")
    shutil.rmtree(root / "test")
    photo(root / "train/emu/a.png", 99)
    train(f"--data.root={root}")
    said = capsys.readouterr()
    assert "one is left to train on: emu" in said.err
    assert "test accuracy" in said.out


def test_faults_are_left_out_when_the_user_says_so(root: Path, capsys) -> None:
    cut(root)
    shutil.copy(root / "val/cat/0.png", root / "val/dog/x.png")
    train(f"--data.root={root}", "--data.skip_broken=true")
    said = capsys.readouterr().err
    assert "3 of 26 photos in meine Fotos ü cannot be used" in said
    assert "They are left out" in said


@pytest.mark.parametrize("size", [7, 8])
def test_last_batch_of_one_photo_is_left_out(root: Path, capsys, size: int) -> None:
    words = ["--model.network=BatchNormCNN", f"--data.batch_size={size}"]
    train(f"--data.root={root}", *words)
    said = capsys.readouterr()
    assert ("would have one image" in said.err, "test accuracy" in said.out) == (size == 7, True)
