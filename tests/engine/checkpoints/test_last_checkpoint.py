from pathlib import Path
from types import SimpleNamespace as Fake

import pytest

from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.engine.checkpoints.last_checkpoint import LastCheckpoint
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
        before = self._saved
        save(self, trainer)
        if self._saved != before:
            found.append(trainer.global_step)

    monkeypatch.setattr(LastCheckpoint, "save", spy)
    return found


def test_latest_state_is_the_latest_and_the_one_before_is_kept(train: Train) -> None:
    falling = "--best.monitor=train/lr", "--best.mode=max"  # best is the first
    train("--trainer.max_epochs=3", *falling)
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
    from src.engine.files.atomic_write import write_atomic
    from src.engine.records.run_logger import RunLogger

    calls: list[str] = []
    save = RunLogger.save
    monkeypatch.setattr(RunLogger, "save", lambda self: (calls.append("curves"), save(self))[1])

    def spy(path: Path, content: memoryview) -> None:
        calls.append(path.name)
        write_atomic(path, content)

    monkeypatch.setattr("src.engine.checkpoints.checkpoint_file.write_atomic", spy)
    train("--trainer.max_epochs=1")
    assert calls[calls.index("next.ckpt") - 1] == "curves"


def test_negative_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative, got every_n_steps=-1"):
        LastCheckpoint(every_n_steps=-1)
    with pytest.raises(ValueError, match="got every_n_steps=0, every_n_minutes=-1"):
        LastCheckpoint(every_n_minutes=-1)


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """The time, which stands still until a test moves it."""
    now = [1000.0]
    monkeypatch.setattr("src.engine.checkpoints.last_checkpoint.time.monotonic", lambda: now[0])
    return now


def trainer_of(step: int, first: bool = True) -> Fake:
    """A trainer that writes its step as its state, and broadcasts what the first process says."""

    def save(path: Path, weights_only: bool) -> None:
        assert weights_only is False
        path.write_text(str(step))

    trainer = Fake(global_step=step, is_global_zero=first, loggers=[], save_checkpoint=save)
    trainer.log_every_n_steps, trainer.strategy = 5, Fake(broadcast=lambda passed: passed)
    progress = Fake(total=Fake(completed=step))
    trainer.fit_loop = Fake(epoch_loop=Fake(batch_progress=progress))
    return trainer


def last_of(folder: Path, *words: float, step: int = 10) -> LastCheckpoint:
    last = LastCheckpoint(*words)
    last.folder = folder
    last.on_train_start(trainer_of(step), None)
    return last


def states(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("words", "passed", "step", "before", "saved"),
    [
        ((), 299, 15, 1, False),
        ((), 300, 15, 1, True),
        ((), 300, 14, 1, False),  # looked at when the curves are written
        ((), 300, 16, 2, True),  # a batch took two steps
        ((0, 1.0), 60, 15, 1, True),
        ((0, 0), 9999, 15, 1, False),
        ((4, 0), 0, 12, 1, True),
        ((4, 0), 0, 13, 1, False),
        ((4, 0), 0, 13, 2, True),
        ((1, 0), 0, 13, 1, True),
    ],
)
def test_state_is_saved_when_an_interval_has_passed(
    tmp_path: Path, clock, words: tuple, passed: float, step: int, before: int, saved: bool
) -> None:
    last = last_of(tmp_path, *words, step=step - before)
    clock[0] += passed
    last.save_if_due(trainer_of(step), in_epoch=True)
    assert states(tmp_path) == ({"last.ckpt": str(step)} if saved else {})
    last.save_if_due(trainer_of(step), in_epoch=False)
    assert states(tmp_path) == {"last.ckpt": str(step)}


def test_state_before_is_kept_and_none_is_saved_twice(
    tmp_path: Path, clock: list[float], monkeypatch
) -> None:
    last, synced = last_of(tmp_path), []
    monkeypatch.setattr("src.engine.checkpoints.last_checkpoint.sync_folder", synced.append)
    last.save(trainer_of(10))
    assert states(tmp_path) == {}
    for step in (11, 12, 13, 13):
        last.save(trainer_of(step))
    assert states(tmp_path) == {"last.ckpt": "13", "previous.ckpt": "12"}
    assert synced == [tmp_path] * 3
    clock[0] += 299
    last.save(trainer_of(14))
    clock[0] += 1
    last.save_if_due(trainer_of(15), in_epoch=True)
    assert states(tmp_path)["last.ckpt"] == "14"  # the interval begins with each state


def test_first_process_alone_renames_states(tmp_path: Path) -> None:
    last = last_of(tmp_path)
    last.save(trainer_of(11, first=False))
    assert states(tmp_path) == {"next.ckpt": "11"}


def test_nothing_is_saved_without_a_folder_and_loggers_are_told_first(tmp_path: Path) -> None:
    told, last = [], last_of(tmp_path)
    trainer = trainer_of(11)
    trainer.loggers = [Fake(save=lambda: told.append(states(tmp_path)))]
    last.folder = None
    last.save(trainer)
    assert told == []
    last.folder = tmp_path
    last.save(trainer)
    assert told == [{}]
