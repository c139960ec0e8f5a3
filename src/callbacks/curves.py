"""Loss and accuracy over the training, as one picture."""

from lightning.pytorch import Callback, LightningModule, Trainer
from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from typing_extensions import override

from src.callbacks.board import board_of


class Curves(Callback):
    """Write `curves.png` beside TensorBoard's events when training ends."""

    @override
    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit" and (board := board_of(trainer)):
            board.save()
            events = EventAccumulator(board.log_dir, size_guidance={"scalars": 0}).Reload()
            draw_curves(events).savefig(f"{board.log_dir}/curves.png")


def draw_curves(events: EventAccumulator) -> Figure:
    """Draw loss and accuracy of training and validation against the optimizer step.

    Args:
        events: TensorBoard scalars of a run.

    Returns:
        A figure that no window shows.
    """
    figure = Figure(figsize=(9, 3.6), dpi=120)
    figure.subplots_adjust(0.07, 0.14, 0.99, 0.92, wspace=0.17)  # a layout engine draws twice
    for column, (metric, title) in enumerate([("loss", "loss"), ("acc", "accuracy")]):
        axes = figure.add_subplot(1, 2, column + 1, title=title, xlabel="step")
        for split, style in [("train", "-"), ("val", "o-")]:
            if f"{split}/{metric}" in events.Tags()["scalars"]:
                points = events.Scalars(f"{split}/{metric}")
                axes.plot([p.step for p in points], [p.value for p in points], style, label=split)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    return figure
