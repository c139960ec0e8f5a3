import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
from lightning.pytorch import LightningModule
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from src.callbacks.curves import Curves, draw_curves


def test_curves_show_every_logged_point(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        for step, loss in enumerate([2.0, 1.0, 0.5]):
            writer.add_scalar("train/loss", loss, step)
        writer.add_scalar("val/acc", 0.75, 2)
    loss_axes, acc_axes = draw_curves(EventAccumulator(str(tmp_path)).Reload()).axes
    (line,) = loss_axes.lines
    assert line.get_xydata().tolist() == [[0, 2.0], [1, 1.0], [2, 0.5]]
    assert (line.get_linestyle(), line.get_marker()) == ("-", "None")
    (line,) = acc_axes.lines
    assert line.get_xydata().tolist() == [[2, 0.75]]
    assert (line.get_linestyle(), line.get_marker()) == ("-", "o")


def test_curves_are_named_and_side_by_side(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        for split in ("train", "val"):
            writer.add_scalar(f"{split}/acc", 0.5, 1)
    figure = draw_curves(EventAccumulator(str(tmp_path)).Reload())
    assert (figure.canvas.get_width_height(), figure.dpi) == ((1080, 432), 120)
    loss_axes, acc_axes = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["loss", "accuracy"]
    assert {axes.get_xlabel() for axes in figure.axes} == {"step"}
    assert [text.get_text() for text in acc_axes.get_legend().get_texts()] == ["train", "val"]
    assert loss_axes.get_legend() is None
    assert {line.get_alpha() for axes in figure.axes for line in axes.get_xgridlines()} == {0.3}
    left, right = (axes.get_position().extents.tolist() for axes in figure.axes)
    assert left == pytest.approx([0.07, 0.14, 0.4939, 0.92], abs=1e-4)
    assert right == pytest.approx([0.5661, 0.14, 0.99, 0.92], abs=1e-4)


@pytest.mark.parametrize("stage", ["fit", "test"])
def test_all_points_are_drawn_when_training_ends(tmp_path: Path, monkeypatch, stage: str) -> None:
    board, kept = TensorBoardLogger(tmp_path), []

    def spy(folder: str, size_guidance: dict[str, int]) -> EventAccumulator:
        kept.append(size_guidance)
        return EventAccumulator(folder, size_guidance)

    monkeypatch.setattr("src.callbacks.curves.EventAccumulator", spy)
    trainer = SimpleNamespace(loggers=[board], is_global_zero=True)
    board.experiment.add_scalar("train/loss", 1.0, 1)
    Curves().teardown(trainer, LightningModule(), stage)
    board.experiment.close()
    assert kept == [{"scalars": 0}] * (stage == "fit")  # none is left out
    assert Path(board.log_dir, "curves.png").is_file() == (stage == "fit")


def test_curves_of_an_empty_run_are_empty(tmp_path: Path) -> None:
    with warnings.catch_warnings(action="error"):
        figure = draw_curves(EventAccumulator(str(tmp_path)).Reload())
    assert not any(axes.lines for axes in figure.axes)
