"""Conclusions in plain words."""

import math

from src.engine.records.metric import Metric
from src.statistics.comparison import Comparison
from src.statistics.estimate import Estimate
from src.statistics.power import seeds_needed

_FEWEST_FOR_SD = 3  # runs from which a standard deviation is worth planning with
_SMALLEST_P = 1e-4  # that is written out


class Scale:
    """How a metric is written: a share in percent and its differences in points.

    Args:
        metric: The metric, such as `test/acc` or `fit_s`; its name alone if it is not known which
            value is best.

    Attributes:
        factor: What a value is multiplied by.
        unit: Unit of a value.
        points: Unit of a difference.
        mode: Whether the highest or the lowest value is best; None if it is not known.
    """

    def __init__(self, metric: Metric | str) -> None:
        name = metric if isinstance(metric, str) else metric.name
        share = isinstance(metric, Metric) and metric.format == "percent"
        seconds = name.endswith("_s") and not name.endswith("_per_s")
        self.factor = 100.0 if share else 1.0
        self.unit = "%" if share else " s" if seconds else ""
        self.points = " points" if share else self.unit
        self.digits = 2 if share or seconds else 4
        self.mode = None if isinstance(metric, str) else metric.mode

    def value(self, value: float) -> str:
        """Write a value.

        Args:
            value: What to write.

        Returns:
            Such as `99.31%`.
        """
        return f"{value * self.factor:.{self.digits}f}{self.unit}"

    def difference(self, value: float) -> str:
        """Write a difference.

        Args:
            value: What to write.

        Returns:
            Such as `0.12`, without its unit.
        """
        rounded = round(value * self.factor, self.digits) + 0.0  # no -0.00
        return f"{rounded:.{self.digits}f}"


def describe(found: Estimate, scale: Scale) -> str:
    """Write a mean with its uncertainty.

    Args:
        found: The estimate.
        scale: How the metric is written.

    Returns:
        Mean, standard deviation and interval.
    """
    if found.n == 1:
        return f"{scale.value(found.mean)} (one run: no interval)"
    low, high = scale.value(found.low), scale.value(found.high)
    sd = scale.value(found.sd)
    return (
        f"{scale.value(found.mean)} +- {sd} (mean +- sd), 95% interval of the mean {low} to {high}"
    )


def describe_power(found: Estimate, worth: float, scale: Scale) -> str:
    """Say how many runs a configuration needs.

    Args:
        found: What its runs gave.
        worth: Difference that shall be shown.
        scale: How the metric is written.

    Returns:
        A clause.
    """
    needed = seeds_needed(worth, found.sd) if found.n >= _FEWEST_FOR_SD else None
    gap = f"{scale.difference(worth)}{scale.points}"
    if needed is None:
        return f"how many seeds a gain of {gap} takes cannot be told from these {found.n} runs"
    return (
        f"a gain of {gap} over this would show in about {needed} seeds of each configuration "
        "(power 80%, error 5%)"
    )


def conclude(found: Comparison, scale: Scale) -> str:
    """Say what a comparison shows.

    Args:
        found: The comparison.
        scale: How the metric is written.

    Returns:
        A sentence on the configurations and, where answers are known, one on these networks.
    """
    return " ".join(part for part in (_on_seeds(found, scale), _on_images(found)) if part)


def _on_seeds(found: Comparison, scale: Scale) -> str:
    first, second = found.first, found.second
    gap = f"{second} minus {first} is {scale.difference(found.difference)}{scale.points}"
    if math.isnan(found.p):
        return f"{gap}, {_why_not(found)}"
    low, high, better = found.low, found.high, second
    if found.distinguishable and (found.difference > 0) == (scale.mode == "min"):
        better = first
    if found.distinguishable and found.difference < 0:
        low, high = -found.high, -found.low
    runs = f"n = {found.n[0]} pairs" if found.paired else f"n = {found.n[0]} and {found.n[1]} runs"
    if found.left_out:
        runs += f" ({found.left_out} runs have no partner)"
    evidence = (
        f"95% interval {scale.difference(low)} to {scale.difference(high)}, {runs}, "
        f"p {_p(found.p_corrected)}"
    )
    if found.distinguishable:
        by = f"{scale.difference(abs(found.difference))}{scale.points}"
        what = "better" if scale.mode else "higher"
        return f"{better} is {what} by {by}, {evidence}."
    worth = "" if found.worth is None else f"{scale.difference(found.worth)}{scale.points}"
    needs = f"; to show {worth} takes about {found.needed} seeds each" if found.needed else ""
    return f"{first} and {second} are not distinguishable: {gap}, {evidence}{needs}."


def _why_not(found: Comparison) -> str:
    if min(found.n) == 1:
        return "from single runs: that says nothing of the configurations; train --seeds."
    return f"the same in all {found.n[0]}: that is no measure of chance; train more --seeds."


def _on_images(found: Comparison) -> str:
    images = found.images
    if images is None:
        return ""
    share = Scale(Metric("", "max", "percent"))
    low, high = map(share.difference, (images.low, images.high))
    text = (
        f"For these very networks, {found.second} minus {found.first} on images of this kind is "
        f"{low} to {high} points (95%, bootstrap over the {images.images:,} images)"
    )
    if images.p is None:
        return f"{text}."
    return (
        f"{text}; {found.first} alone is right about {images.only_first} of them, "
        f"{found.second} alone about {images.only_second}: McNemar's p {_p(images.p)}."
    )


def _p(value: float) -> str:
    return "< 0.0001" if value < _SMALLEST_P else f"= {value:.2g}"
