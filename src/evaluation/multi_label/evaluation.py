"""How well each of several classes is found, and the samples that go worst."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from src.engine.records.metric import number_text
from src.evaluation.gallery import draw_gallery
from src.evaluation.multi_label.figures import draw_classes
from src.evaluation.multi_label.measures import NAMES, Numbers, measure
from src.evaluation.picture import Picture, pixels
from src.evaluation.wing import Addition, Split

_SHOWN = 40
_LISTED = 12  # classes of a line
_HEADS = {"f1": "F1", "precision": "precision", "recall": "recall"}


def evaluate(split: Split) -> Addition:
    """Measure F1, precision and recall of each class, and show the samples that go worst.

    Args:
        split: A split with `probability` and `target` of each sample, `(N, K)`.

    Returns:
        The means and the measures of each class, each with its 95% interval over samples, and the
        images of the largest losses, if the data set shows its images.

    Raises:
        ValueError: The outputs are of different shapes, or no probabilities.
    """
    probability, given = split.outputs["probability"].double(), split.outputs["target"] > 0
    if probability.shape != given.shape or probability.ndim != 2:  # noqa: PLR2004  # (N, K)
        raise ValueError("its probabilities and targets are not one for each sample and class")
    if not ((probability >= 0) & (probability <= 1)).all():
        raise ValueError("its probabilities are not between 0 and 1")
    said = probability > 1 / 2
    found = measure(said.numpy(), given.numpy())
    names = [*map(str, getattr(split.data, "class_names", None) or ())]
    names = names if len({*names}) == given.shape[1] else [*map(str, range(given.shape[1]))]
    classes = {name: _measures(found[..., number]) for number, name in enumerate(names)}
    mean = _measures(found[..., -1])
    right = float((said == given).all(1).double().mean())
    rows = {f"{head} (mean)": _text(*mean[name]) for name, head in _HEADS.items()}
    rows["F1 by class"] = _listed(classes)
    rows["all right"] = f"{right:.2%} of {len(given):,} samples"
    worst, pictures = _worst(split, probability, said, given, names)
    pictures |= {"classes": pixels(draw_classes(classes))}
    values = {"mean": mean, "classes": classes, "all_right": right, "worst": worst}
    return Addition(rows, values, pictures)


_Measure = tuple[float | None, float | None, float | None]


def _measures(found: Numbers) -> dict[str, _Measure]:
    """Give value and interval of each measure of a class, `(3, 3)`; None for what is no number."""
    plain = [[None if np.isnan(number) else float(number) for number in row] for row in found.T]
    return {name: (row[0], row[1], row[2]) for name, row in zip(NAMES, plain, strict=True)}


def _text(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "not known: a class is never found, or never there"
    if low is None or high is None:
        return number_text(value)
    return f"{number_text(value)}, 95% interval {number_text(low)} to {number_text(high)}"


def _listed(classes: dict[str, dict[str, _Measure]]) -> str:
    known = sorted((each["f1"][0] or 0.0, name) for name, each in classes.items())
    more = f" and {len(known) - _LISTED} better ones" if len(known) > _LISTED else ""
    return ", ".join(f"{name} {number_text(value)}" for value, name in known[:_LISTED]) + more


def _worst(
    split: Split, probability: Tensor, said: Tensor, given: Tensor, names: Sequence[str]
) -> tuple[list[dict[str, object]], dict[str, Picture]]:
    """Find the samples of the largest losses, and draw their images."""
    right = torch.where(given, probability, 1 - probability)
    loss = -right.clamp(min=1e-12).log().mean(1)  # (N,)
    order = loss.argsort(descending=True, stable=True)[:_SHOWN]
    worst: list[dict[str, object]] = [
        {
            "index": i,
            "loss": loss[i].item(),
            "said": _named(said[i], names),
            "true": _named(given[i], names),
        }
        for i in order.tolist()
    ]
    if (image := split.images) is None:
        return worst, {}
    titles = [f"{_classes(each['said'])}\ntrue {_classes(each['true'])}" for each in worst]
    shown = image[order.to(image.device)].cpu()
    figure = draw_gallery(shown, titles, "The largest losses: found, and true below.")
    return worst, {"worst": pixels(figure)}


def _named(which: Tensor, names: Sequence[str]) -> list[str]:
    return [name for name, one in zip(names, which.tolist(), strict=True) if one]


def _classes(names: object) -> str:
    return ", ".join(names) if isinstance(names, list) and names else "none"
