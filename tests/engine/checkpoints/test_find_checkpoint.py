from pathlib import Path

import pytest
import torch

from src.engine.checkpoints.find_checkpoint import find_checkpoint
from tests.conftest import Train
from tests.engine.checkpoints.test_checkpoint_file import flip_a_bit, save


@pytest.fixture
def run(finished: Train, tmp_path: Path) -> Path:
    finished("--trainer.max_epochs=2", "--trainer.callbacks=Temperature")
    return tmp_path


def test_damaged_best_gives_way_to_latest(run: Path) -> None:
    Path("checkpoints/version_0/best.ckpt").write_bytes(b"x")
    path, passed_over = find_checkpoint("checkpoints/version_0", run, best=True)
    assert path.name == "last.ckpt"
    assert "best.ckpt" in passed_over[0]


@pytest.mark.parametrize("root", [Path(), Path("elsewhere")], ids=str)
def test_run_is_found_by_its_name(root: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = root / "checkpoints/version_3"
    folder.mkdir(parents=True)
    save(folder / "last.ckpt", step=9)
    assert find_checkpoint("version_3", root) == (folder.resolve() / "last.ckpt", [])
    assert find_checkpoint("version_4", root) == ("version_4", [])
    Path("version_3").mkdir()  # a folder of that name goes first
    with pytest.raises(FileNotFoundError, match="version_3 holds no whole checkpoint"):
        find_checkpoint("version_3", root)


def test_named_file_is_taken_as_it_is(tmp_path: Path) -> None:
    assert find_checkpoint(str(tmp_path / "x.ckpt"), tmp_path) == (str(tmp_path / "x.ckpt"), [])


def test_folder_without_runs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no run in checkpoints"):
        find_checkpoint("last", tmp_path)


def test_newest_is_by_step_and_not_by_date(tmp_path: Path) -> None:
    save(tmp_path / "last.ckpt", step=9)
    save(tmp_path / "previous.ckpt", step=7)
    save(tmp_path / "best.ckpt", step=9)
    assert find_checkpoint(str(tmp_path), tmp_path) == (tmp_path / "last.ckpt", [])


def test_newest_is_of_the_session_that_began_last(tmp_path: Path) -> None:
    save(tmp_path / "best.ckpt", step=33)
    save(tmp_path / "last.ckpt", step=26, began="2026-01-02")
    assert find_checkpoint(str(tmp_path), tmp_path)[0] == tmp_path / "last.ckpt"


@pytest.mark.parametrize("offset", range(0, 60, 3))
def test_damage_anywhere_is_passed_over(tmp_path: Path, offset: int) -> None:
    content = bytearray(save(tmp_path / "last.ckpt", step=9).read_bytes())
    directory = content.rindex(b"PK\x01\x02")
    content[directory + offset] ^= 9
    (tmp_path / "last.ckpt").write_bytes(content)
    save(tmp_path / "previous.ckpt", step=7)
    path, skipped = find_checkpoint(str(tmp_path), tmp_path)
    assert path.stem == "previous" or torch.load(path, weights_only=True)["global_step"] == 9
    assert len(skipped) == (path.stem == "previous")


def test_broken_files_are_passed_over_and_named(tmp_path: Path) -> None:
    flip_a_bit(save(tmp_path / "last.ckpt", step=9))
    (tmp_path / "next.ckpt").write_bytes(save(tmp_path / "previous.ckpt", step=7).read_bytes()[:99])
    save(tmp_path / "best.ckpt", step=5)
    path, skipped = find_checkpoint(str(tmp_path), tmp_path)
    assert path == tmp_path / "previous.ckpt"
    assert "last.ckpt" in skipped[0]
    assert "next.ckpt" in skipped[1]


def test_folder_without_a_whole_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "last.ckpt").touch()
    with pytest.raises(FileNotFoundError, match=r"no whole checkpoint; .*last\.ckpt .* empty"):
        find_checkpoint(str(tmp_path), tmp_path)


def test_broken_neighbours_are_not_named_when_the_newest_is_sought(tmp_path: Path) -> None:
    (tmp_path / "last.ckpt").write_bytes(b"junk")
    save(tmp_path / "best.ckpt")
    _, skipped = find_checkpoint(str(tmp_path), tmp_path)
    assert len(skipped) == 1
    assert "beside it" not in skipped[0]
