import os
import shutil
from pathlib import Path

import pytest

from src.data import photo_check
from src.data.photo_check import usable
from src.data.photo_index import PhotoIndex
from tests.data.photo_folders import photo, photo_folder


def check(root: Path, skip_broken: bool = False) -> list[str]:
    return [each.name for each in usable(root, PhotoIndex.find(root).photos, skip_broken)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return photo_folder(tmp_path, 3, ("train", "val"))


def test_sound_photos_are_all_used(root: Path) -> None:
    assert len(check(root)) == 12


@pytest.mark.parametrize(
    ("content", "fault"),
    [(b"", "is empty"), (b"some text", "is no picture"), (None, "truncated")],
)
def test_broken_photo_is_named(root: Path, content: bytes | None, fault: str) -> None:
    broken = photo(root / "train/dog/ä b.jpg", 99, (200, 200))
    broken.write_bytes(broken.read_bytes()[:-300] if content is None else content)
    with pytest.raises(ValueError, match=rf"1 of 13 photos .*train/dog/ä b.jpg \(.*{fault}"):
        check(root)


def test_photo_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = tmp_path / "photos.csv"
    photo(tmp_path / "a.jpg")
    file.write_text("path,label\na.jpg,x\nb.jpg,y\n")
    with pytest.raises(ValueError, match=r"b.jpg \(is not there\)"):
        usable(tmp_path, PhotoIndex.find(file).photos, False)


def test_equal_photos_are_named_as_a_leak(root: Path) -> None:
    shutil.copy(root / "val/cat/0.png", root / "train/cat/same.png")
    with pytest.raises(ValueError, match=r"equals val/cat/0.png, a leak from val into train"):
        check(root)
    left = check(root, skip_broken=True)
    assert "val/cat/0.png" in left
    assert "train/cat/same.png" not in left


def test_equal_photos_of_two_classes_are_both_left_out(root: Path, capsys) -> None:
    shutil.copy(root / "train/cat/0.png", root / "train/dog/same.png")
    assert not {"train/cat/0.png", "train/dog/same.png"} & {*check(root, skip_broken=True)}
    assert capsys.readouterr().err.count("which has another label") == 2


def test_pipe_is_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "train/cat/pipe.jpg")
    (root / "train/cat/loop.jpg").symlink_to("loop.jpg")
    with pytest.raises(ValueError, match=r"loop.jpg \(.*\), train/cat/pipe.jpg \(is no file\)"):
        check(root)


def test_equal_photos_of_one_class_are_told(root: Path, capsys) -> None:
    shutil.copy(root / "train/cat/0.png", root / "train/cat/same.png")
    assert "train/cat/0.png" in check(root, skip_broken=True)
    assert "train/cat/same.png (equals train/cat/0.png). They are" in capsys.readouterr().err


def test_photos_left_out_are_said(root: Path, capsys) -> None:
    (root / "train/cat/0.png").write_bytes(b"")
    assert len(check(root, skip_broken=True)) == 11
    assert "train/cat/0.png (is empty). They are left out" in capsys.readouterr().err


def test_many_faults_are_listed_in_a_file(root: Path) -> None:
    for number in range(25):
        photo(root / f"train/cat/bad{number}.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match="5 more, all listed in ") as refusal:
        check(root)
    file = Path(str(refusal.value).partition("listed in ")[2].partition(". Mend")[0])
    assert len(file.read_text().splitlines()) == 25


def test_photos_are_looked_at_once(root: Path, monkeypatch) -> None:
    looks: list[Path] = []
    examine = photo_check._examine
    monkeypatch.setattr(photo_check, "_examine", lambda path: looks.append(path) or examine(path))
    check(root)
    assert len(looks) == 12
    check(root)
    assert len(looks) == 12
    photo(root / "train/dog/0.png", 77, (30, 30))
    check(root)
    assert looks[12:] == [root / "train/dog/0.png"]


def test_photos_are_checked_where_nothing_can_be_kept(root: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(root / "train/cat/0.png"))
    assert len(check(root)) == 12


def test_fault_that_passes_is_not_remembered(root: Path, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(photo_check, "fitted", lambda *_: (_ for _ in ()).throw(MemoryError()))
        with pytest.raises(ValueError, match="MemoryError"):
            check(root)
    assert len(check(root)) == 12


def test_lists_in_one_folder_remember_both(tmp_path: Path, monkeypatch) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(f"path,label\n{name}1.png,x\n{name}2.png,y\n")
        for number in (1, 2):
            photo(tmp_path / f"{name}{number}.png", ord(name) + number)
    indices = [PhotoIndex.find(tmp_path / f"{name}.csv") for name in ("a", "b")]
    assert [len(usable(tmp_path, index.photos, False)) for index in indices] == [2, 2]
    monkeypatch.setattr(photo_check, "_examine", None)
    assert [len(usable(tmp_path, index.photos, False)) for index in indices] == [2, 2]
