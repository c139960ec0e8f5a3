import pytest
from lightning.pytorch import LightningModule, Trainer

from src.experiment.progress import ProgressBar
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
