import json
import math
import os
from pathlib import Path

import pytest

from src.engine.files.atomic_write import json_text, write_atomic, write_json


def test_file_is_written_and_nothing_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    left = folder / "x.0123456789ab.part"  # of a process that was killed
    for content in (b"old", b"new"):
        write_atomic(folder / "x", content)
        assert (folder / "x").read_bytes() == content
        assert [file.name for file in folder.iterdir()] == ["x"]
        left.symlink_to(tmp_path / "outside")
        os.utime(left, (1, 1), follow_symlinks=False)
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("name", ["x.part", "x-old.part", "x.1.part", "x.0123456789ab.part"])
def test_part_of_somebody_else_stays(tmp_path: Path, name: str) -> None:
    part = tmp_path / name
    part.touch()
    if name != "x.0123456789ab.part":  # which another process may be writing now
        os.utime(part, (1, 1))
    write_atomic(tmp_path / "x", b"new")
    assert part.exists()


def test_processes_that_write_at_once_do_not_meet(tmp_path: Path, monkeypatch) -> None:
    fsync = os.fsync

    def first_another(descriptor: int) -> None:
        monkeypatch.setattr(os, "fsync", fsync)
        write_atomic(tmp_path / "x", b"other")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", first_another)
    write_atomic(tmp_path / "x", b"one")
    assert (tmp_path / "x").read_bytes() == b"one"
    assert [file.name for file in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch, call: str) -> None:
    def full(*args) -> None:
        raise OSError(28, "No space left on device")

    write_atomic(tmp_path / "x", b"old")
    monkeypatch.setattr(*(os, "fsync") if call == "fsync" else (Path, call), full)
    with pytest.raises(OSError, match=r"No space left on device: .*x'"):
        write_atomic(tmp_path / "x", b"new")
    monkeypatch.undo()
    assert (tmp_path / "x").read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["x"]


def test_content_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch) -> None:
    calls = []
    descriptors = []

    def fsync(descriptor: int) -> None:
        calls.append(f"fsync of {os.fstat(descriptor).st_size} bytes")
        descriptors.append(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda *a: (calls.append("rename"), replace(*a)))
    write_atomic(tmp_path / "x", b"new")
    assert calls[:2] == ["fsync of 3 bytes", "rename"]
    assert len(calls) == 3  # the folder, too
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptors[-1])  # which is closed


def test_what_only_informs_is_not_forced_to_the_disk(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: pytest.fail("forced"))
    write_atomic(tmp_path / "x", b"new", sync=False)
    assert (tmp_path / "x").read_bytes() == b"new"


def test_json_has_no_number_that_is_none(tmp_path: Path) -> None:
    content = {"a": [math.nan, {"b": -math.inf}], "c": 0.1, "d": "NaN", "e": tmp_path}
    finite = {"a": [None, {"b": None}], "c": 0.1, "d": "NaN", "e": str(tmp_path)}
    assert json_text(content) == json.dumps(finite, indent=2)
    write_json(tmp_path / "x.json", content, indent=None)
    assert (tmp_path / "x.json").read_text() == json.dumps(finite) + "\n"
