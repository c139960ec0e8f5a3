from pathlib import Path

import pytest

from src.engine.checkpoints.find_checkpoint import best_checkpoint, find_checkpoint
from tests.conftest import Train


@pytest.fixture
def run(finished: Train, tmp_path: Path) -> Path:
    finished("--trainer.max_epochs=2", "--trainer.callbacks=Temperature")
    return tmp_path


def test_damaged_best_gives_way_to_latest(run: Path) -> None:
    Path("checkpoints/version_0/best.ckpt").write_bytes(b"x")
    path, passed_over = best_checkpoint(run / "checkpoints/version_0")
    assert path.name == "last.ckpt"
    assert "best.ckpt" in passed_over[0]


def test_named_file_is_taken_as_it_is(tmp_path: Path) -> None:
    assert find_checkpoint(str(tmp_path / "x.ckpt"), tmp_path) == (str(tmp_path / "x.ckpt"), [])


def test_folder_without_runs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no run in checkpoints"):
        find_checkpoint("last", tmp_path)
