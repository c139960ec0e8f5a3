"""Pictures of a regression; the same for files, TensorBoard and the report."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from src.evaluation.regression.measures import Numbers

_MANY = 2000  # points above which a colour shows how many they are


def draw_parity(prediction: Numbers, target: Numbers, name: str, unit: str) -> Figure:
    """Draw estimates against what is true.

    Args:
        prediction: Estimates, `(N,)`.
        target: What is true, `(N,)`.
        name: What is estimated.
        unit: Its unit, or nothing.

    Returns:
        A figure that no window shows.
    """
    figure = Figure(figsize=(6, 6), dpi=120, layout="constrained")
    axes = figure.add_subplot(title="estimates against what is true")
    both = np.concatenate([prediction, target])
    ends = both.min(), both.max()
    _points(axes, target, prediction)
    axes.plot(ends, ends, "--", color="black", linewidth=1, label="without error")
    axes.set(xlabel=f"true {named(name, unit)}", ylabel=f"estimated {named(name, unit)}")
    axes.set_aspect("equal")
    axes.legend(loc="upper left")
    return figure


def draw_residuals(prediction: Numbers, target: Numbers, name: str, unit: str) -> Figure:
    """Draw errors against the estimates, and how often each occurs.

    Args:
        prediction: Estimates, `(N,)`.
        target: What is true, `(N,)`.
        name: What is estimated.
        unit: Its unit, or nothing.

    Returns:
        A figure that no window shows.
    """
    figure = Figure(figsize=(8.4, 4.6), dpi=120, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 1], sharey=True)
    error = prediction - target
    _points(left, prediction, error)
    left.axhline(0, linestyle="--", color="black", linewidth=1)
    left.set(
        title="errors against estimates",
        xlabel=f"estimated {named(name, unit)}",
        ylabel=f"estimated minus true {named(name, unit)}",
    )
    right.hist(error, bins=60, orientation="horizontal", color="tab:blue", alpha=0.6)
    right.axhline(0, linestyle="--", color="black", linewidth=1)
    right.set(title="how often", xlabel="samples")
    right.grid(alpha=0.3)
    return figure


def named(name: str, unit: str) -> str:
    """Write a quantity with its unit.

    Args:
        name: What it is.
        unit: Its unit, or nothing.

    Returns:
        Such as `angle [degrees]`.
    """
    return f"{name} [{unit}]" if unit else name


def _points(axes: Axes, x: Numbers, y: Numbers) -> None:
    if len(x) > _MANY:
        axes.hexbin(x, y, gridsize=50, bins="log", mincnt=1, cmap="Blues")
    else:
        axes.scatter(x, y, s=9, alpha=0.5)
    axes.grid(alpha=0.3)
