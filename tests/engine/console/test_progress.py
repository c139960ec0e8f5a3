import sys
from types import SimpleNamespace as Fake

import pytest
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar, TQDMProgressBar

from src.engine.console.progress import ProgressBar, own_bar
from tests.conftest import Train


def test_failure_ends_the_line_of_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    bar, trainer = ProgressBar(), Trainer(logger=False, accelerator="cpu")
    bar.setup(trainer, LightningModule(), "fit")
    bar.on_train_start(trainer, LightningModule())
    bar.train_progress_bar.update()
    bar.on_exception(trainer, LightningModule(), ValueError())
    assert capsys.readouterr().out.endswith("\n")


def test_bar_shows_results_and_no_number_of_the_run(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, original = [], ProgressBar.get_metrics

    def spy(bar: ProgressBar, *args) -> dict[str, object]:
        shown.append(original(bar, *args))
        return shown[-1]

    monkeypatch.setattr(ProgressBar, "get_metrics", spy)
    train("--trainer.max_epochs=1", "--trainer.enable_progress_bar=true")
    assert set(shown[-1]) == {"train/loss", "val/acc"}


def test_bar_is_drawn_ten_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    bar = ProgressBar()
    times = iter([10.0, 10.01, 10.05, 10.11, 10.15, 10.19])
    monkeypatch.setattr("src.engine.console.progress.time.monotonic", lambda: next(times))
    drawn = [bar._should_update(number, 6) for number in range(1, 7)]
    assert drawn == [True, False, False, True, False, True]  # the last one always


def test_bar_of_rich_is_replaced_too() -> None:
    rich = object.__new__(RichProgressBar)  # rich itself need not be installed
    trainer = Fake(callbacks=[rich])
    own_bar(trainer, chosen=[rich])
    assert trainer.callbacks == [rich]
    own_bar(trainer, chosen=[])
    assert type(trainer.callbacks[0]) is ProgressBar


@pytest.mark.parametrize(
    ("resumed", "done", "begun"), [("a.ckpt", 3, 1), (None, 3, 0), ("a.ckpt", 0, 0)]
)
def test_bar_of_a_run_cut_in_an_epoch_begins_there(
    resumed, done: int, begun: int, monkeypatch
) -> None:
    calls, bar = [], ProgressBar()
    monkeypatch.setattr(TQDMProgressBar, "on_train_start", lambda *_: calls.append("start"))
    monkeypatch.setattr(bar, "on_train_epoch_start", lambda *_: calls.append("epoch"))
    bar._train_progress_bar = Fake(initial=0)
    monkeypatch.setattr("src.engine.console.progress.next_position", lambda _: (2, done))
    bar.on_train_start(Fake(ckpt_path=resumed), None)
    assert calls == ["start"] + ["epoch"] * begun
    assert bar.train_progress_bar.initial == done * begun


@pytest.mark.parametrize(("terminal", "every"), [(True, 1), (False, sys.maxsize)])
def test_file_gets_a_line_for_each_epoch(terminal: bool, every: int, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    other, own = object(), TQDMProgressBar()
    trainer = Fake(callbacks=[other, own])
    own_bar(trainer, chosen=[])
    assert trainer.callbacks[0] is other
    assert (type(trainer.callbacks[1]), trainer.callbacks[1].refresh_rate) == (ProgressBar, every)


def test_failure_closes_each_bar_that_there_is() -> None:
    closed, bar = [], ProgressBar()
    bar.val_progress_bar = Fake(close=lambda: closed.append("val"))
    bar.test_progress_bar = Fake(close=lambda: closed.append("test"))
    bar.on_exception(None, None, ValueError())
    assert closed == ["val", "test"]
