from pathlib import Path

import pytest

from src.experiment.checkpoint_file import read_checkpoint
from src.experiment.last_checkpoint import LastCheckpoint
from tests.conftest import Train

FOLDER = Path("checkpoints/version_0")


def steps() -> dict[str, int]:
    return {path.stem: read_checkpoint(path)["global_step"] for path in FOLDER.glob("*.ckpt")}


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Steps at which the latest state is saved."""
    found: list[int] = []
    save = LastCheckpoint.save

    def spy(self: LastCheckpoint, trainer) -> None:
        before = self._saved_step
        save(self, trainer)
        if self._saved_step != before:
            found.append(trainer.global_step)

    monkeypatch.setattr(LastCheckpoint, "save", spy)
    return found


def test_latest_state_is_the_latest_and_the_one_before_is_kept(train: Train) -> None:
    train("--trainer.max_epochs=3", "--best.mode=min")  # worse and worse: best is the first
    assert steps() == {"best": 11, "last": 33, "previous": 22}


def test_state_is_saved_at_intervals_of_steps(train: Train, saved: list[int]) -> None:
    train("--trainer.max_epochs=2", "--last.every_n_steps=4")
    assert saved == [4, 8, 11, 12, 16, 20, 22]


def test_state_is_saved_at_intervals_of_time(train: Train, saved: list[int]) -> None:
    train("--trainer.max_epochs=1", "--last.every_n_minutes=1e-9")
    assert saved == [5, 10, 11]  # looked at when the curves are written


def test_no_interval_leaves_the_ends_of_epochs(train: Train, saved: list[int]) -> None:
    train("--trainer.max_epochs=2", "--last.every_n_minutes=0")
    assert saved == [11, 22]


def test_curves_are_on_disk_before_the_state(train: Train, monkeypatch) -> None:
    from src.experiment.run_logger import RunLogger
    from src.experiment.whole_file import write_whole

    calls: list[str] = []
    save = RunLogger.save
    monkeypatch.setattr(RunLogger, "save", lambda self: (calls.append("curves"), save(self))[1])

    def spy(path: Path, content: memoryview) -> None:
        calls.append(path.name)
        write_whole(path, content)

    monkeypatch.setattr("src.experiment.checkpoint_file.write_whole", spy)
    train("--trainer.max_epochs=1")
    assert calls[calls.index("next.ckpt") - 1] == "curves"


def test_negative_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative, got every_n_steps=-1"):
        LastCheckpoint(every_n_steps=-1)
