"""Comparisons as a picture."""

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from src.engine.console.printable import printable
from src.statistics.comparison import Comparison, Sample
from src.statistics.estimate import estimate
from src.statistics.sentence import Scale

_BEST, _UNCLEAR = "C0", "0.55"


def draw_comparison(
    samples: Sequence[Sample], comparisons: Sequence[Comparison], metric: str, scale: Scale
) -> Figure:
    """Draw each run with the interval of its mean, and the differences with theirs.

    Args:
        samples: Configurations, the first one is the reference.
        comparisons: Each other one against it.
        metric: Name of the metric.
        scale: How it is written.

    Returns:
        A figure that no window shows.
    """
    name = printable(metric).replace("$", r"\$")  # it is no formula
    height = 1.6 + 0.55 * len(samples)
    figure = Figure(figsize=(10, height), dpi=120, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.4, 1])
    unit = f" [{scale.unit.strip()}]" if scale.unit else ""
    for row, sample in enumerate(samples):
        values = [scale.factor * value for value in sample.values.values()]
        found = estimate(values)
        left.plot(values, [row] * len(values), "o", color=f"C{row}", alpha=0.35, mew=0)
        half = 0 if math.isnan(found.low) else found.mean - found.low
        left.errorbar(found.mean, row, xerr=half, fmt="|", ms=16, capsize=5, color=f"C{row}", lw=2)
    left.set(
        title="Each run, mean and its 95% interval",
        xlabel=f"{name}{unit}",
        yticks=range(len(samples)),
        yticklabels=[f"{sample.name}\nn = {len(sample.values)}" for sample in samples],
        ylim=(len(samples) - 0.5, -0.5),
    )
    for row, each in enumerate(comparisons, start=1):
        if not math.isnan(each.low):
            middle = scale.factor * each.difference
            ends = [[middle - scale.factor * each.low], [scale.factor * each.high - middle]]
            colour = _BEST if each.distinguishable else _UNCLEAR
            fill = colour if each.distinguishable else "none"  # seen without colour, too
            right.errorbar(middle, row, xerr=ends, fmt="o", capsize=5, color=colour, lw=2, mfc=fill)
    together = ", for all together" if len(comparisons) > 1 else ""
    right.axvline(0, color="0.3", lw=1, ls="--")
    right.set(
        title=f"Difference from {samples[0].name}, 95% interval{together}",
        xlabel=f"difference of {name}{' [points]' if scale.unit == '%' else unit}",
        yticks=[],
        ylim=(len(samples) - 0.5, -0.5),
    )
    for axes in (left, right):
        axes.grid(axis="x", alpha=0.3)
    return figure
