"""All that is known of a regression on one split."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from src.engine.records.metric import number_text
from src.evaluation.gallery import draw_gallery
from src.evaluation.picture import pixels
from src.evaluation.regression.figures import draw_parity, draw_residuals
from src.evaluation.regression.measures import Measure, Numbers, measure
from src.evaluation.wing import Addition, Split

_MOST = 6  # numbers of a sample that have pictures of their own
_WORST = 40
_HEADS = {"rmse": "RMSE", "mae": "MAE", "bias": "mean error", "r2": "R2"}


def evaluate(split: Split) -> Addition:
    """Measure and draw the errors of a split.

    Args:
        split: Its outputs: `prediction` and `target`, `(N,)` or `(N, D)`. The data set may publish
            `target_names`, `target_unit` and images, in `splits`.

    Returns:
        Errors with their intervals, parity and residuals, and the images of the worst ones.

    Raises:
        ValueError: The outputs are of different shapes, or not finite.
    """
    prediction, target = (_numbers(split.outputs[name]) for name in ("prediction", "target"))
    if prediction.shape != target.shape or not np.isfinite([prediction, target]).all():
        raise ValueError("its predictions and targets are not as many finite numbers")
    names, unit = _names(split, prediction.shape[1]), str(getattr(split.data, "target_unit", ""))
    rows, values, figures = {}, {}, {}
    for number, name in enumerate(names):
        said, true = prediction[:, number], target[:, number]
        values[name] = {key: found._asdict() for key, found in measure(said, true).items()}
        for key, found in values[name].items():
            head = _HEADS[key] if len(names) == 1 else f"{_HEADS[key]} of {name}"
            rows[head] = _text(Measure(**found), "" if key == "r2" else unit)
        if number < _MOST:
            end = f"_{number}" if number else ""
            figures[f"parity{end}"] = draw_parity(said, true, name, unit)
            figures[f"residuals{end}"] = draw_residuals(said, true, name, unit)
    rows["samples"] = f"{len(target):,}"
    figures |= _worst(split, prediction, target)
    return Addition(rows, values, {name: pixels(figure) for name, figure in figures.items()})


def _numbers(values: Tensor) -> Numbers:
    if values.ndim > 2 or not len(values):  # noqa: PLR2004  # samples, and the numbers of each
        raise ValueError("its predictions are not one or several numbers for each sample")
    found: Numbers = values.double().view(len(values), -1).numpy()
    return found


def _names(split: Split, count: int) -> Sequence[str]:
    names = [*map(str, getattr(split.data, "target_names", ()))]
    numbered = ["target"] if count == 1 else [f"target {number}" for number in range(count)]
    return names if len({*names}) == count else numbered


def _text(found: Measure, unit: str) -> str:
    value, low, high = map(number_text, found)
    interval = "" if np.isnan(found.low) else f", 95% interval {low} to {high}"
    return f"{value}{f' {unit}' if unit else ''}{interval}"


def _worst(split: Split, prediction: Numbers, target: Numbers) -> dict[str, Figure]:
    """Draw the images with the largest errors, if the data set shows its images."""
    if (image := split.images) is None:
        return {}
    error = np.abs(prediction - target) / np.maximum(target.std(0), 1e-12)
    worst = error.max(1).argsort(kind="stable")[::-1][:_WORST].copy()
    titles = [f"{_list(prediction[each])}\ntrue {_list(target[each])}" for each in worst]
    shown = image[torch.from_numpy(worst).to(image.device)].cpu()
    return {"worst": draw_gallery(shown, titles, "The largest errors: predicted, and true below.")}


def _list(numbers: Numbers) -> str:
    return ", ".join(f"{number:.3g}" for number in numbers[:2])
