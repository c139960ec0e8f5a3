import os
from pathlib import Path

import pytest

from src.experiment.whole_file import write_whole


def test_file_is_written_and_nothing_beside_it(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "x", b"new")
    assert (tmp_path / "a" / "x").read_bytes() == b"new"
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["x"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch, call: str) -> None:
    def full(*args) -> None:
        raise OSError(28, "No space left on device")

    write_whole(tmp_path / "x", b"old")
    monkeypatch.setattr(*(os, "fsync") if call == "fsync" else (Path, "replace"), full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "x", b"new")
    assert (tmp_path / "x").read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["x"]


def test_content_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch) -> None:
    calls = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: calls.append("fsync"))
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda *a: (calls.append("rename"), replace(*a)))
    write_whole(tmp_path / "x", b"new")
    assert calls == ["fsync", "rename", "fsync"]
