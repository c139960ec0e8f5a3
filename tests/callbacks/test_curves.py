import warnings
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from src.callbacks.curves import draw_curves


def test_curves_show_every_logged_point(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        for step, loss in enumerate([2.0, 1.0, 0.5]):
            writer.add_scalar("train/loss", loss, step)
        writer.add_scalar("val/acc", 0.75, 2)
    loss_axes, acc_axes = draw_curves(EventAccumulator(str(tmp_path)).Reload()).axes
    (line,) = loss_axes.lines
    assert line.get_xydata().tolist() == [[0, 2.0], [1, 1.0], [2, 0.5]]
    (line,) = acc_axes.lines
    assert line.get_xydata().tolist() == [[2, 0.75]]


def test_curves_of_an_empty_run_are_empty(tmp_path: Path) -> None:
    with warnings.catch_warnings(action="error"):
        figure = draw_curves(EventAccumulator(str(tmp_path)).Reload())
    assert not any(axes.lines for axes in figure.axes)
