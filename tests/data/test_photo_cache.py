import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from filelock import FileLock

from src.data import photo_cache
from src.data.photo_cache import kept
from src.data.photos import Photos
from tests.data.photo_folders import photo

ROOM = 2**20


def photos(folder: Path, size: int = 8) -> Photos:
    paths = [photo(folder / f"{number}.png", number) for number in range(3)]
    return Photos(paths, torch.arange(3), (3, size, size))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "lightning-research-template" / "photos"


def files(cache: Path) -> list[Path]:
    return [file for file in cache.glob("*") if file.suffix != ".lock"]


def test_photos_are_decoded_once_into_a_file(tmp_path: Path, cache: Path, monkeypatch) -> None:
    some = photos(tmp_path)
    pictures, where = kept(some, 0, ROOM, 0)
    (file,) = files(cache)
    assert where == f"mapped from {file}"
    assert torch.equal(pictures, some.image[:])
    monkeypatch.setattr(photo_cache, "_decoded", None)
    monkeypatch.setattr(photo_cache.shutil, "disk_usage", None)  # what is there needs no room
    again, _ = kept(some, 0, ROOM, 0)
    assert torch.equal(again, pictures)


def test_other_photos_and_sizes_have_other_files(tmp_path: Path, cache: Path) -> None:
    kept(photos(tmp_path), 0, ROOM, 0)
    kept(photos(tmp_path, size=9), 0, ROOM, 0)
    os.utime(tmp_path / "1.png", ns=(1, 1))
    same = Photos([tmp_path / f"{number}.png" for number in range(3)], torch.arange(3), (3, 8, 8))
    kept(same, 0, ROOM, 0)
    assert len(files(cache)) == 3


def test_program_that_dies_leaves_no_half_of_a_file(
    tmp_path: Path, cache: Path, monkeypatch
) -> None:
    def one(*given: object) -> object:
        yield 0, torch.zeros(1, 3, 8, 8).byte()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(photo_cache, "_decoded", one)
        with pytest.raises(KeyboardInterrupt):
            kept(photos(tmp_path), 0, ROOM, 0)
    assert not files(cache)
    assert kept(photos(tmp_path), 0, ROOM, 0)[0].any()


def test_photos_without_room_are_kept_in_memory_or_not(tmp_path: Path, cache: Path) -> None:
    needed = 3 * 3 * 8 * 8
    pictures, where = kept(photos(tmp_path), needed, needed - 1, 0)
    assert (where, pictures.shape) == ("kept in memory", (3, 3, 8, 8))
    assert kept(photos(tmp_path), needed - 1, needed - 1, 0)[0] is None
    assert not files(cache)


def test_disk_is_not_filled(tmp_path: Path, cache: Path, monkeypatch) -> None:
    monkeypatch.setattr(photo_cache.shutil, "disk_usage", lambda folder: SimpleNamespace(free=2000))
    assert kept(photos(tmp_path), ROOM, ROOM, 0)[1] == "kept in memory"


def test_folder_that_cannot_be_written_is_not_needed(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "cache").touch()
    assert kept(photos(tmp_path), ROOM, ROOM, 0)[1] == "kept in memory"


def test_photos_of_two_folders_have_two_files(tmp_path: Path, cache: Path, monkeypatch) -> None:
    for name, number in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        photo(Path("a.ppm"), number)
        os.utime("a.ppm", ns=(1, 1))
        some = Photos([Path("a.ppm")], torch.arange(1), (3, 8, 8))
        assert torch.equal(kept(some, 0, ROOM, 0)[0], some.image[:])
    assert len(files(cache)) == 2


def test_cut_file_is_made_anew(tmp_path: Path, cache: Path) -> None:
    some = photos(tmp_path)
    kept(some, 0, ROOM, 0)
    (file,) = files(cache)
    file.write_bytes(file.read_bytes()[:-9])
    assert torch.equal(kept(some, 0, ROOM, 0)[0], some.image[:])


def test_files_not_used_for_longest_are_removed(tmp_path: Path, cache: Path, capsys) -> None:
    room = 3 * 3 * (8**2 + 9**2 + 10**2) - 1  # one byte too little for all three
    some = {size: photos(tmp_path / str(size), size) for size in (8, 9, 10)}
    for size in (8, 9):
        kept(some[size], 0, room, 0)
    for number, file in enumerate(files(cache)):
        os.utime(file, (number, number))
    kept(some[8], 0, room, 0)  # is used again
    assert "removed" not in capsys.readouterr().err
    kept(some[10], 0, room, 0)
    assert sorted(file.stat().st_size for file in files(cache)) == [3 * 3 * 8**2, 3 * 3 * 10**2]
    assert capsys.readouterr().err.count("bounds all such files together") == 1


def test_file_that_is_being_opened_is_not_removed(tmp_path: Path, cache: Path) -> None:
    kept(photos(tmp_path / "a"), 0, ROOM, 0)
    (file,) = files(cache)
    with FileLock(f"{file}.lock"):
        kept(photos(tmp_path / "b", 9), 0, 3 * 3 * 9**2, 0)
    assert len(files(cache)) == 2
