import shutil
from pathlib import Path

import pytest
import torch

from src.experiment.resume import Resumed, find_checkpoint
from src.train import main
from tests.conftest import Train
from tests.one_layer import OneLayer
from tests.test_train import refusal


@pytest.fixture
def two_runs(finished: Train) -> Path:
    """Two runs of two epochs in the working directory."""
    finished("--trainer.max_epochs=2")
    shutil.copytree("checkpoints/version_0", "checkpoints/version_1")
    return Path("checkpoints")


@pytest.mark.parametrize(
    ("word", "file"),
    [
        ("last", "version_1/last.ckpt"),
        ("checkpoints/version_0", "version_0/last.ckpt"),
        ("lightning_logs/version_0", "version_0/last.ckpt"),
        ("checkpoints/version_0/best.ckpt", "version_0/best.ckpt"),
    ],
)
def test_one_word_finds_the_run(two_runs: Path, word: str, file: str) -> None:
    path, passed_over = find_checkpoint(word, Path())
    assert Path(path).resolve() == (two_runs / file).resolve()
    assert passed_over == []


def test_latest_run_without_a_whole_state_is_passed_over(two_runs: Path, capsys) -> None:
    for file in (two_runs / "version_1").glob("*.ckpt"):
        file.write_bytes(b"")
    found = Resumed.find("last", Path(), []).path
    assert found == two_runs.resolve() / "version_0" / "last.ckpt"
    assert "note: passed over: checkpoints/version_1 holds no whole" in capsys.readouterr().err


def test_broken_latest_state_falls_back_and_says_so(two_runs: Path, capsys) -> None:
    last = two_runs / "version_1" / "last.ckpt"
    last.write_bytes(last.read_bytes()[:-100])
    main(["--ckpt_path=last", "--trainer.max_epochs=3"])
    notes = capsys.readouterr().err
    assert f"note: passed over: {last} is not a whole checkpoint" in notes
    assert "note: continuing checkpoints/version_1/best.ckpt at step 11" in notes
    assert "note: changed: --trainer.max_epochs 2 -> 3" in notes


def test_named_file_never_falls_back(two_runs: Path, capsys) -> None:
    last = two_runs / "version_1" / "last.ckpt"
    last.write_bytes(last.read_bytes()[:-100])
    code, line = refusal(capsys, f"--ckpt_path={last}", "--trainer.max_epochs=3")
    assert code == 2
    assert "its end is missing" in line
    assert "previous.ckpt can be read" in line


def test_runs_may_be_elsewhere(train: Train, capsys) -> None:
    train("--trainer.max_epochs=1", "--trainer.default_root_dir=runs")
    main(["--ckpt_path=last", "--trainer.default_root_dir=runs", "--trainer.max_epochs=2"])
    assert "continuing runs/checkpoints/version_0/last.ckpt" in capsys.readouterr().err


def test_no_run_at_all_is_one_line(train: Train, capsys) -> None:
    code, line = refusal(capsys, "--ckpt_path=last")
    assert (code, line) == (2, "error: there is no run in checkpoints")


def test_changed_network_is_one_line(two_runs: Path, capsys, monkeypatch) -> None:
    def widened(self, *args, **kwargs) -> None:
        init(self, *args, **kwargs)
        self.added = torch.nn.Linear(10, 10)
        self.layer = torch.nn.Linear(28 * 28, 3)

    init = OneLayer.__init__
    monkeypatch.setattr(OneLayer, "__init__", widened)
    code, line = refusal(capsys, "--ckpt_path=last", "--trainer.max_epochs=3")
    assert code == 2
    assert "network has changed since the checkpoint was saved: network.added.weight is m" in line
    assert "and 1 more" in line


def test_newer_checkpoint_is_read_and_named(two_runs: Path, capsys) -> None:
    path = two_runs / "version_1" / "last.ckpt"
    content = torch.load(path, weights_only=True)
    content["pytorch-lightning_version"] = "9.9.9"
    content["provenance"][0]["inputs"]["threads"] = "77"
    torch.save(content, path)
    main(["--ckpt_path=last", "--trainer.max_epochs=3"])
    notes = capsys.readouterr().err
    assert "note: the checkpoint is of lightning 9.9.9, newer than" in notes
    assert "note: since the checkpoint: threads 77 ->" in notes
