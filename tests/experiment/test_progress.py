from types import SimpleNamespace

import pytest
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar

from src.experiment.progress import ProgressBar, own_bar
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
    monkeypatch.setattr("src.experiment.progress.time.monotonic", lambda: next(times))
    drawn = [bar._should_update(number, 6) for number in range(1, 7)]
    assert drawn == [True, False, False, True, False, True]  # the last one always


def test_bar_of_rich_is_replaced_too() -> None:
    rich = object.__new__(RichProgressBar)  # rich itself need not be installed
    trainer = SimpleNamespace(callbacks=[rich])
    own_bar(trainer, chosen=[rich])
    assert trainer.callbacks == [rich]
    own_bar(trainer, chosen=[])
    assert type(trainer.callbacks[0]) is ProgressBar
