"""The command that trains again from a checkpoint alone, on synthetic MNIST."""

from pathlib import Path

import pytest

from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.engine.records.run_record import RunRecord
from src.reproduce import main
from src.train import main as train_more
from tests.conftest import Train
from tests.test_exact_resume import NOISY, stop_at


def reproduce(*words: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main([*words, "--trainer.logger=false"])
    return stop.value.code


@pytest.mark.parametrize("name", ["best.ckpt", "previous.ckpt", "last.ckpt"])
def test_checkpoint_is_reproduced(train: Train, capsys, monkeypatch, name: str) -> None:
    train("--trainer.max_epochs=2", *NOISY)
    assert reproduce(f"checkpoints/version_0/{name}") == 0
    table = capsys.readouterr().out
    assert "reproduced     yes, to the last bit" in table
    assert f"compared       checkpoints/version_0/{name}, checkpoints/version_1/last.ckpt" in table
    monkeypatch.setattr("src.engine.records.run_record.is_held", lambda _: False)  # by this process
    assert RunRecord.find("last").status == "finished"


def test_state_inside_an_epoch_is_reproduced(train: Train, monkeypatch) -> None:
    with stop_at(monkeypatch, 14):
        train(*NOISY)
    assert read_checkpoint("checkpoints/version_0/last.ckpt")["global_step"] == 15
    assert reproduce("last") == 0


def test_other_setting_is_not_reproduced(finished: Train, capsys) -> None:
    finished("--trainer.max_epochs=1")
    assert reproduce("checkpoints/version_0", "--model.optimizer.lr=0.001") == 1
    table = capsys.readouterr().out
    assert "differs        --model.optimizer.lr 0.005 -> 0.001" in table
    assert "reproduced     no" in table


def test_weights_that_it_began_with_are_asked_for(train: Train, finished: Train, capsys) -> None:
    finished("--trainer.max_epochs=1")
    train("--trainer.max_epochs=1", "--weights=checkpoints/version_0/model.pt")
    train_more(["--ckpt_path=last", "--trainer.max_epochs=2"])
    assert "since the checkpoint: weights" not in capsys.readouterr().err
    assert reproduce("checkpoints/version_1/previous.ckpt") == 2
    assert "started from a file of weights (model.pt" in capsys.readouterr().err
    given = "--weights=checkpoints/version_0/model.pt"
    assert reproduce("checkpoints/version_1/previous.ckpt", given) == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "the following arguments are required: ckpt"),
        (("--data.data_dir", "x"), "the following arguments are required: ckpt"),
        (("checkpoints/version_0", "--trainer.fast_dev_run=true"), "leaves nothing to compare"),
    ],
)
def test_wrong_words_are_one_line(finished: Train, capsys, words: tuple, expected: str) -> None:
    if "checkpoints/version_0" in words:
        finished("--trainer.max_epochs=1")
    with pytest.raises(SystemExit) as stop:
        main([*words])
    assert stop.value.code == 2
    assert expected in capsys.readouterr().err


def test_missing_checkpoint_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert reproduce("nowhere.ckpt") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: there is no checkpoint nowhere.ckpt")
    assert error.count("\n") == 1
