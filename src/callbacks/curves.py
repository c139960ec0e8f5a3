"""Loss and accuracy over the training, as one picture."""

from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers.logger import DummyLogger
from matplotlib.figure import Figure
from torch import Tensor
from typing_extensions import override

from src.engine import picture_folder

_PARTS = {"loss": "loss", "acc": "accuracy"}  # metric and its name
_LINES = {"train": "-", "val": "o-"}
_DRAWN = [f"{split}/{metric}" for metric in _PARTS for split in _LINES]
Points = dict[str, list[tuple[float, float]]]


class Curves(Callback):
    """Write `curves.png` into the run's folder when training ends.

    It draws what was logged, whichever loggers there are, and keeps it in checkpoints.
    """

    def __init__(self) -> None:
        self._memory = _Memory()

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit":
            self._memory.folder = trainer.default_root_dir
            trainer.loggers = [*trainer.loggers, self._memory]

    @override
    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit":
            trainer.loggers = [each for each in trainer.loggers if each is not self._memory]
            if folder := picture_folder(trainer):
                folder.mkdir(parents=True, exist_ok=True)  # TensorBoard makes it when it writes
                notes = getattr(pl_module, "curve_notes", None)
                told = notes if isinstance(notes, dict) else {}
                draw_curves(self._memory.points, told).savefig(folder / "curves.png")

    @override
    def state_dict(self) -> dict[str, Any]:
        points = self._memory.points
        return {name: torch.tensor(points[name], dtype=torch.float64) for name in points}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._memory.points = {
            name: list(map(tuple, points.tolist()))
            for name, points in state_dict.items()
            if name in _DRAWN and isinstance(points, Tensor) and points.shape[1:] == (2,)
        }


class _Memory(DummyLogger):
    """Keep what is drawn, as step and value; a task that asks it for more gets nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.points: Points = {}
        self.folder = ""

    @property
    @override
    def save_dir(self) -> str:
        return self.folder  # where a trainer without loggers writes

    @override
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        for name in metrics.keys() & set(_DRAWN):
            self.points.setdefault(name, []).append((step or 0, metrics[name]))


def draw_curves(
    points: Mapping[str, list[tuple[float, float]]], notes: Mapping[str, str] | None = None
) -> Figure:
    """Draw loss and accuracy of training and validation against the optimizer step.

    Args:
        points: Steps and values of each curve.
        notes: What a reader of a curve must know, by its name.

    Returns:
        A figure that no window shows.
    """
    figure = Figure(figsize=(9, 3.6), dpi=120)
    figure.subplots_adjust(0.08, 0.18, 0.99, 0.97, wspace=0.2)  # a layout engine draws twice
    for column, (metric, title) in enumerate(_PARTS.items()):
        axes = figure.add_subplot(1, 2, column + 1, xlabel="optimizer step", ylabel=title)
        for split, style in _LINES.items():
            if curve := points.get(f"{split}/{metric}"):
                axes.plot(*zip(*curve, strict=True), style, label=split)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    said = [f"{name} {note}" for name, note in (notes or {}).items() if points.get(name)]
    figure.text(0.01, 0.02, ". ".join(said), fontsize=8, parse_math=False)
    return figure
