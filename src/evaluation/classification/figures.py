"""Pictures of an evaluation; the same for files, TensorBoard and the report."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from torch import Tensor
from torchmetrics.functional.classification import (
    multiclass_average_precision,
    multiclass_precision_recall_curve,
)

from src.evaluation.classification.measures import reliability
from src.evaluation.classification.predictions import Predictions

_DARK = 0.6  # share of the largest count from which a number is written in white
_MANY, _LONG = 30, 5  # classes, and letters of a name, that take another layout
_MARKS, _DASHES = "osD^vPX*hp", ("-", "--", "-.", ":")  # what tells curves apart without colour
_LEGEND = 52  # letters that fit into a row of a legend


def draw_confusion(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> Figure:
    """Draw a confusion matrix; the colour leaves out the diagonal, or nothing else would be seen.

    Args:
        confusion: Number of images, label by prediction.
        names: Names of the classes.

    Returns:
        A figure that no window shows.
    """
    counts = np.asarray(confusion)
    wrong = counts * (1 - np.eye(len(counts), dtype=int))
    many = len(names) > _MANY
    side = 12 if many else 6
    figure = Figure(figsize=(side + 0.4, side), dpi=120, layout="constrained")
    axes = figure.add_subplot(title="images by label and prediction")
    axes.imshow(wrong, cmap="Reds", vmin=0, vmax=max(wrong.max(), 1))
    ticks = range(len(names))
    axes.set(xlabel="prediction", ylabel="label", xticks=ticks, yticks=ticks)
    small = 5 if many else None
    upright = max(map(len, names)) > _LONG or many
    axes.set_xticklabels(names, rotation=90 if upright else 0, fontsize=small)
    axes.set_yticklabels(names, fontsize=small)
    for row, column in np.argwhere(counts):
        dark = wrong[row, column] > _DARK * wrong.max()
        colour = "white" if dark else "tab:green" if row == column else "black"
        text = str(counts[row, column])
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=small or 9)
    return figure


def draw_reliability(answers: Predictions) -> Figure:
    """Draw accuracy against confidence, before and after calibration, and how often each occurs.

    Args:
        answers: What a network said.

    Returns:
        A figure that no window shows.
    """
    figure = Figure(figsize=(4.4, 5), dpi=164, layout="constrained")  # also for a telephone
    upper, lower = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    upper.plot([0, 1], [0, 1], "--", color="gray", linewidth=1, label="calibrated perfectly")
    versions = {
        "the network's logits": (answers.logits.softmax(dim=1), "tab:orange", "s"),
        f"temperature {answers.temperature:.2f}": (answers.probability, "tab:blue", "o"),
    }
    for name, (probability, colour, marker) in versions.items():
        confidence, accuracy, count = reliability(probability, answers.label)
        some = count > 0
        area = 30 * (1 + count[some].log10())  # so that a bin of one image does not shout
        upper.scatter(
            confidence[some], accuracy[some], area, c=colour, marker=marker, label=name, alpha=0.8
        )
        edges = np.linspace(0, 1, len(count) + 1)
        lower.stairs(count.numpy(), edges, color=colour, fill=True, alpha=0.4)
    upper.set(ylabel="accuracy", title="is it as often right as it is sure?", ylim=(-0.02, 1.02))
    figure.legend(loc="outside lower left", fontsize=9)
    lower.set(xlabel="confidence", ylabel="images", yscale="log", xlim=(0, 1))
    lower.set_ylim(0.8, None)
    lower.yaxis.set(major_formatter="{x:,.0f}", minor_formatter=NullFormatter())
    for axes in (upper, lower):
        axes.grid(alpha=0.3)
    return figure


def draw_precision_recall(answers: Predictions, names: Sequence[str]) -> Figure:
    """Draw precision against recall of each class, at every threshold of its probability.

    Of more than ten classes the ten of lowest average precision are named.

    Args:
        answers: What a network said.
        names: Names of the classes.

    Returns:
        A figure that no window shows.
    """
    probability, label = answers.probability, answers.label
    curves = multiclass_precision_recall_curve(probability, label, len(names), thresholds=None)
    means = multiclass_average_precision(probability, label, len(names), average="none")
    figure = Figure(figsize=(4.4, 5), dpi=164, layout="constrained")  # also for a telephone
    axes = figure.add_subplot(title="precision and recall of each class")
    lowest = 1.0
    worst = sorted(means.argsort()[: len(_MARKS)].tolist())
    rows = zip(names, *curves[:2], means, strict=True)
    for number, (name, precision, recall, mean) in enumerate(rows):
        if number in worst:
            place = worst.index(number)
            axes.plot(
                recall,
                precision,
                _MARKS[place] + _DASHES[place % len(_DASHES)],
                label=f"{name}: {mean:.4f}",
                markersize=5,
                markevery=(0.02 * place, 0.2),
            )
        else:
            axes.plot(recall, precision, color="lightgray", linewidth=0.5, zorder=1)
        lowest = min(lowest, _knee(precision, recall))
    # Where most curves are within a percent of the corner, the corner is what one wants to see.
    start = max(0.0, lowest - 4 * (1 - lowest))
    axes.set(xlabel="recall", ylabel="precision", xlim=(start, 1.001), ylim=(start, 1.001))
    axes.grid(alpha=0.3)
    longest = max(len(names[number]) for number in worst)
    columns = max(1, _LEGEND // (longest + 13))  # of the line, and of the number
    title = "average precision" + " of the worst ten" * (len(names) > len(worst))
    figure.legend(title=title, fontsize=8, loc="outside lower left", ncols=columns)
    return figure


def _knee(precision: Tensor, recall: Tensor) -> float:
    return torch.minimum(precision, recall).max().item()
