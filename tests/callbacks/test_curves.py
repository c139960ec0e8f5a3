import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from src.callbacks.curves import Curves, draw_curves
from src.engine.records.heartbeat import Heartbeat
from src.train import main
from tests.conftest import Train
from tests.test_exact_resume import stop_at


def test_curves_show_every_logged_point() -> None:
    points = {"train/loss": [(0, 2.0), (1, 1.0), (2, 0.5)], "val/acc": [(2, 0.75)]}
    loss_axes, acc_axes = draw_curves(points).axes
    (line,) = loss_axes.lines
    assert line.get_xydata().tolist() == [[0, 2.0], [1, 1.0], [2, 0.5]]
    assert (line.get_linestyle(), line.get_marker()) == ("-", "None")
    (line,) = acc_axes.lines
    assert line.get_xydata().tolist() == [[2, 0.75]]
    assert (line.get_linestyle(), line.get_marker()) == ("-", "o")


def test_curves_are_named_and_side_by_side() -> None:
    figure = draw_curves({"train/acc": [(1, 0.5)], "val/acc": [(1, 0.5)]})
    assert (figure.canvas.get_width_height(), figure.dpi) == ((1080, 432), 120)
    loss_axes, acc_axes = figure.axes
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "accuracy"]
    assert {axes.get_xlabel() for axes in figure.axes} == {"optimizer step"}
    assert [text.get_text() for text in acc_axes.get_legend().get_texts()] == ["train", "val"]
    assert loss_axes.get_legend() is None
    assert {line.get_alpha() for axes in figure.axes for line in axes.get_xgridlines()} == {0.3}
    left, right = (axes.get_position().extents.tolist() for axes in figure.axes)
    assert left == pytest.approx([0.08, 0.18, 0.4936, 0.97], abs=1e-4)
    assert right == pytest.approx([0.5764, 0.18, 0.99, 0.97], abs=1e-4)


def test_note_of_a_curve_is_below_it() -> None:
    points, notes = {"train/loss": [(1, 0.5)]}, {"train/loss": "is $smooth", "val/loss": "is not"}
    assert [text.get_text() for text in draw_curves(points, notes).texts] == [
        "train/loss is $smooth"
    ]


def test_curves_of_an_empty_run_are_empty() -> None:
    with warnings.catch_warnings(action="error"):
        figure = draw_curves({})
    assert not any(axes.lines for axes in figure.axes)


def trainer_of(folder: Path, *loggers: Any) -> Any:
    return SimpleNamespace(
        loggers=[*loggers],
        is_global_zero=True,
        default_root_dir=str(folder),
        callbacks=[Heartbeat(folder)],
    )


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Points of each picture."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "src.callbacks.curves.draw_curves",
        lambda points, notes: found.append(dict(points)) or draw_curves(points, notes),
    )
    return found


@pytest.mark.parametrize("kinds", [(), (CSVLogger,), (CSVLogger, TensorBoardLogger)])
def test_what_is_logged_is_drawn_when_training_ends(tmp_path: Path, drawn, kinds: tuple) -> None:
    trainer = trainer_of(tmp_path, *(kind(tmp_path, version=3) for kind in kinds))
    curves, own = Curves(), trainer.loggers
    curves.setup(trainer, LightningModule(), "fit")
    for step in range(2):
        trainer.loggers[-1].log_metrics({"train/loss": 2.0 - step, "epoch": 0}, step)
    curves.teardown(trainer, LightningModule(), "fit")
    assert drawn == [{"train/loss": [(0, 2.0), (1, 1.0)]}]
    assert trainer.loggers == own
    (picture,) = tmp_path.rglob("curves.png")
    beside = TensorBoardLogger in kinds
    assert picture.parent == (tmp_path / "lightning_logs" / "version_3" if beside else tmp_path)


def test_curves_are_those_of_the_training(tmp_path: Path, drawn) -> None:
    trainer, curves = trainer_of(tmp_path), Curves()
    curves.setup(trainer, LightningModule(), "test")
    curves.teardown(trainer, LightningModule(), "test")
    assert (trainer.loggers, drawn) == ([], [])


def test_run_without_a_logger_writes_where_it_did(tmp_path: Path) -> None:
    trainer, curves = trainer_of(tmp_path), Curves()
    curves.setup(trainer, LightningModule(), "fit")
    (memory,) = trainer.loggers
    assert memory.save_dir == str(tmp_path)
    assert memory.experiment.add_image("x") is None  # a task may ask for anything


def test_run_that_goes_on_draws_its_whole_curve(tmp_path: Path, drawn) -> None:
    before, after = Curves(), Curves()
    for curves, step in ((before, 4), (after, 9)):
        trainer = trainer_of(tmp_path)
        curves.setup(trainer, LightningModule(), "fit")
        trainer.loggers[-1].log_metrics({"train/loss": step / 2}, step)
        after.load_state_dict(before.state_dict()) if curves is before else None
    after.teardown(trainer, LightningModule(), "fit")
    assert drawn == [{"train/loss": [(4, 2.0), (9, 4.5)]}]


@pytest.mark.parametrize("step", [5, 14, 21])
def test_stopped_run_draws_what_its_events_have(train: Train, drawn, monkeypatch, step) -> None:
    with stop_at(monkeypatch, step):
        train("--trainer.max_epochs=3", observed=True)
    main(["--ckpt_path=last"])
    events = EventAccumulator("lightning_logs/version_0").Reload()
    names = [f"{split}/{metric}" for split in ("train", "val") for metric in ("loss", "acc")]
    assert {
        name: [(step, float(np.float32(value))) for step, value in points]
        for name, points in drawn[-1].items()
    } == {name: [(point.step, point.value) for point in events.Scalars(name)] for name in names}


def test_strange_state_is_not_drawn() -> None:
    curves = Curves()
    strange = {"val/acc": "x", "val/loss": torch.zeros(3), "x": torch.zeros(1, 2)}
    curves.load_state_dict({**strange, "train/loss": torch.tensor([[1, 0.5]])})
    assert {name: part.tolist() for name, part in curves.state_dict().items()} == {
        "train/loss": [[1, 0.5]]
    }
