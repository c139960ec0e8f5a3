import re
from types import SimpleNamespace as Fake

import pytest
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar, TQDMProgressBar

from src.engine.console.progress import ProgressBar, ProgressLines, own_bar
from tests.conftest import Train
from tests.test_exact_resume import curves


def test_failure_ends_the_line_of_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    bar, trainer = ProgressBar(), Trainer(logger=False, accelerator="cpu")
    bar.setup(trainer, LightningModule(), "fit")
    bar.on_train_start(trainer, LightningModule())
    bar.train_progress_bar.update()
    bar.on_exception(trainer, LightningModule(), ValueError())
    assert capsys.readouterr().out.endswith("\n")


def test_bar_shows_device_and_results_and_no_number_of_the_run(
    train: Train, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    shown, original = [], ProgressBar.get_metrics

    def spy(bar: ProgressBar, *args) -> dict[str, object]:
        shown.append(original(bar, *args))
        return shown[-1]

    monkeypatch.setattr(ProgressBar, "get_metrics", spy)
    train("--trainer.max_epochs=1", "--trainer.enable_progress_bar=true")
    assert set(shown[-1]) == {"train/loss", "val/acc"}
    assert capsys.readouterr().out.count("device: cpu (") == 1


def test_bar_is_drawn_ten_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    bar = ProgressBar()
    times = iter([10.0, 10.01, 10.05, 10.11, 10.15, 10.19])
    monkeypatch.setattr("src.engine.console.progress.time.monotonic", lambda: next(times))
    drawn = [bar._should_update(number, 6) for number in range(1, 7)]
    assert drawn == [True, False, False, True, False, True]  # the last one always


def test_bar_of_rich_is_replaced_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
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
    monkeypatch.setattr("src.engine.console.progress.device_line", lambda _: "device: x")
    bar.on_train_start(Fake(ckpt_path=resumed), None)
    assert calls == ["start"] + ["epoch"] * begun
    assert bar.train_progress_bar.initial == done * begun


@pytest.mark.parametrize(("terminal", "kind"), [(True, ProgressBar), (False, ProgressLines)])
def test_file_gets_lines_and_no_bar(terminal: bool, kind: type, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    other, own = object(), TQDMProgressBar()
    trainer = Fake(callbacks=[other, own])
    own_bar(trainer, chosen=[])
    assert [trainer.callbacks[0], type(trainer.callbacks[1])] == [other, kind]


def test_line_of_each_epoch_and_of_a_validation_in_it_can_be_read(train: Train, capsys) -> None:
    words = "--trainer.max_epochs=2", "--trainer.val_check_interval=8"
    train(*words, "--trainer.enable_progress_bar=true")
    device, *lines = capsys.readouterr().out.split("test accuracy")[0].splitlines()
    assert re.fullmatch(r"device: cpu \(.+\), \d+ threads?, 32-bit", device)
    seen = [line.split(": train/loss ")[0] for line in lines]
    steps = ((1, 8), (1, 11), (2, 19), (2, 22))
    assert seen == [f"epoch {epoch} of 2, step {step}" for epoch, step in steps]
    _, last = curves()["train/loss"][-1]  # what is logged at the very end of an epoch, too
    assert lines[-1].split()[-3] == f"{last:.4g},"
    assert all(re.search(r": train/loss [\d.]+, val/acc [\d.]+$", line) for line in lines)


def test_long_epoch_says_a_line_a_minute(monkeypatch, capsys) -> None:
    times = iter([0.0, 59.0, 60.0, 60.5, 119.0])
    monkeypatch.setattr("src.engine.console.progress.time.monotonic", lambda: next(times))
    lines = ProgressLines()
    monkeypatch.setattr(lines, "get_metrics", lambda *_: {"loss": 0.123456, "v_num": 3})
    trainer = Fake(current_epoch=0, max_epochs=None, global_step=1234)
    for _ in range(3):
        lines.on_train_batch_end(trainer, None, None, None, 0)
    assert capsys.readouterr().out == "epoch 1, step 1,234: loss 0.1235\n"


def test_failure_closes_each_bar_that_there_is() -> None:
    closed, bar = [], ProgressBar()
    bar.val_progress_bar = Fake(close=lambda: closed.append("val"))
    bar.test_progress_bar = Fake(close=lambda: closed.append("test"))
    bar.on_exception(None, None, ValueError())
    assert closed == ["val", "test"]
