"""The first images of a split, with labels and predictions, as the network gets them."""

import math
from collections.abc import Sequence

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.types import STEP_OUTPUT
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor
from typing_extensions import override

from src.batch import Batch
from src.engine import log_image, picture_folder, write_picture

_WIDTH = 14  # letters of a title that fit above an image
_STRIP = 0.25  # for what the titles mean [in]


class ImageGrid(Callback):
    """Show the first training images, the first test images and what the network says of these.

    The pictures are in every logger that takes pictures and, of the test, as PNG files in the
    run's folder. That of the training is drawn after the first epoch, whose steps it does not
    delay.

    Args:
        num_images: Images in a picture.
    """

    def __init__(self, num_images: int = 9) -> None:
        self.num_images = num_images
        self._first: Batch | None = None

    @override
    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        if trainer.global_step == batch_idx == 0 and isinstance(batch, Batch):
            self._first = Batch(*(part[: self.num_images].clone() for part in batch))

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._first:
            self._show(trainer, "train_images", self._first)
            self._first = None

    @override
    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self.on_train_epoch_end(trainer, pl_module)  # a run that continues starts after this batch

    @override
    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if not isinstance(batch, Batch):  # of another kind of task
            return
        if batch_idx == 0 and isinstance(outputs, dict) and "prediction" in outputs:
            self._show(trainer, "test_images", batch)
            self._show(trainer, "test_predictions", batch, outputs["prediction"])

    def _show(
        self, trainer: Trainer, name: str, batch: Batch, prediction: Tensor | None = None
    ) -> None:
        if not trainer.is_global_zero:
            return
        first = slice(self.num_images)
        classes = getattr(getattr(trainer, "datamodule", None), "class_names", None)
        figure = draw_grid(
            batch.image[first],
            _names(batch.label[first], classes),
            None if prediction is None else _names(prediction[first], classes),
        )
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        pixels = np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])
        split, _, what = name.partition("_")
        log_image(
            trainer, f"{split}/{what}", pixels, 0 if split == "train" else trainer.global_step
        )
        if split == "test" and (folder := picture_folder(trainer)):
            write_picture(folder / f"{name}.png", pixels)


def draw_grid(
    image: Tensor, labels: Sequence[str], predictions: Sequence[str] | None = None
) -> Figure:
    """Draw images in a square grid, each under its label or prediction.

    Args:
        image: Pixels, `(N, C, H, W)`, any range; one channel is drawn in grey, three in colour.
        labels: Name of each image's class.
        predictions: Name of each image's predicted class; where it is wrong, in red and with the
            label.

    Returns:
        A figure that no window shows.
    """
    side = math.ceil(math.sqrt(len(image)))
    height = 1.6 * side + _STRIP
    figure = Figure(figsize=(1.4 * side, height), dpi=120)
    heading = "labels" if predictions is None else "3, not 2: predicted 3, labelled 2"
    middle, letters = 1 - 0.5 * _STRIP / height, min(9, 5 * side)
    figure.text(0.5, middle, heading, ha="center", va="center", fontsize=letters)
    # one for all: each would take 30 ms to draw
    axes = figure.add_axes((0, 0, 1, 1 - _STRIP / height))
    axes.set_axis_off()
    pixels = image.detach().float().cpu()
    pixels = (pixels - pixels.min()) / (pixels.max() - pixels.min()).clamp(min=1e-6)
    for number, label in enumerate(labels):
        row, column = divmod(number, side)
        place = (column + 0.03, column + 0.97, row + 0.99, row + 0.18)
        shown = pixels[number].movedim(0, -1).numpy()  # (H, W, C)
        axes.imshow(shown, cmap="gray", vmin=0, vmax=1, extent=place, aspect="auto")
        title, colour = label, "black"
        if predictions is not None:
            right = predictions[number] == label
            title = predictions[number] if right else f"{predictions[number]}, not {label}"
            colour = "tab:green" if right else "tab:red"
        size = 12 * min(1, _WIDTH / max(1, len(title)))
        axes.text(column + 0.5, row + 0.15, title, color=colour, ha="center", fontsize=size)
    axes.set(xlim=(0, side), ylim=(side, 0))
    return figure


def _names(indices: Tensor, classes: Sequence[str] | None) -> list[str]:
    return [str(index) if classes is None else classes[index] for index in indices.tolist()]
