"""Pictures of a segmentation; in each, a class is told by its name, not by its colour alone."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps, patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_IN_A_ROW = 2  # images, of three pictures each
_COLOURS = colormaps["tab20"]
_EDGE: list[patheffects.AbstractPathEffect] = [
    patheffects.withStroke(linewidth=2, foreground="white")
]


class Masked(NamedTuple):
    """An image, what is in it, and what a network says.

    Attributes:
        place: Its place in the split.
        iou: Mean IoU of its classes.
        image: Pixels, `(C, H, W)`, of any range.
        label: Class indices, `(H, W)`; those that are no class do not count.
        prediction: Class indices that the network gives, `(H, W)`.
    """

    place: int
    iou: float
    image: npt.NDArray[Any]
    label: npt.NDArray[Any]
    prediction: npt.NDArray[Any]


def draw_classes(iou: Mapping[str, float | None]) -> Figure:
    """Draw the IoU of each class, lowest first.

    Args:
        iou: IoU by the name of the class; None of one that does not occur.

    Returns:
        A figure that no window shows.
    """
    known = sorted((value, name) for name, value in iou.items() if value is not None)
    figure = Figure(figsize=(6.4, 1 + 0.25 * len(known)), dpi=120, layout="constrained")
    axes = figure.add_subplot(title="IoU of each class", xlim=(0, 1.12), ylim=(len(known), -1))
    axes.barh(range(len(known)), [value for value, _ in known], color="tab:blue")
    axes.set_yticks(range(len(known)), [name for _, name in known])
    for row, (value, _) in enumerate(known):
        axes.text(value + 0.01, row, f"{value:.1%}", va="center", fontsize=8)
    axes.grid(axis="x", alpha=0.3)
    return figure


def draw_overlays(shown: Sequence[Masked], names: Sequence[str]) -> Figure:
    """Draw images with what is in them and what a network says.

    The most frequent class is left without a colour. Wrong pixels are hatched.

    Args:
        shown: The images.
        names: Names of the classes.

    Returns:
        A figure that no window shows.
    """
    labels = np.concatenate([each.label.ravel() for each in shown])
    ground = int(np.bincount(labels[labels < len(names)], minlength=1).argmax())
    rows = -(-len(shown) // _IN_A_ROW)
    figure = Figure(figsize=(5.4 * _IN_A_ROW, 2.1 * rows), dpi=120, layout="constrained")
    grid = figure.subplots(rows, 3 * _IN_A_ROW, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for number, each in enumerate(shown):
        row, column = divmod(number, _IN_A_ROW)
        plain, truth, said = grid[row, 3 * column : 3 * column + 3]
        plain.set_title(f"{each.place}: IoU {each.iou:.1%}", fontsize=8)
        truth.set_title("truth", fontsize=8)
        said.set_title("prediction, wrong hatched", fontsize=8)
        for axes in (plain, truth, said):
            axes.imshow(_picture(each.image), cmap="gray", aspect="equal")
        _colour(truth, each.label, names, ground)
        _colour(said, each.prediction, names, ground)
        wrong = (each.label != each.prediction) & (each.label < len(names))
        if wrong.any():
            said.contourf(wrong, [0.5, 1.5], colors="none", hatches=["xxx"])
    return figure


def _picture(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    low, high = image.min(), image.max()
    last: npt.NDArray[Any] = np.moveaxis((image - low) / max(high - low, 1e-6), 0, -1)  # (H, W, C)
    return last if last.shape[-1] == 3 else last[..., 0]  # noqa: PLR2004  # colours


def _colour(axes: Axes, label: npt.NDArray[Any], names: Sequence[str], ground: int) -> None:
    """Colour each class but the ground, and write its name where it is."""
    for number, name in enumerate(names):
        inside = label == number
        if number == ground or not inside.any():
            continue
        colour = _COLOURS(number % 20)
        layer = np.zeros((*label.shape, 4))
        layer[inside] = (*colour[:3], 0.6)
        axes.imshow(layer)
        places = np.argwhere(inside)
        y, x = places[np.abs(places - places.mean(0)).sum(1).argmin()]
        text = axes.text(x, y, name, ha="center", va="center", fontsize=8)
        text.set_path_effects(_EDGE)
