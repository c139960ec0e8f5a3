"""Conclusions in plain words."""

import math

from src.statistics.comparison import Comparison
from src.statistics.estimate import Estimate
from src.statistics.power import seeds_needed


class Scale:
    """How a metric is written: a share in percent and its differences in points.

    Args:
        metric: Name of it, such as `test/acc` or `fit_s`.

    Attributes:
        factor: What a value is multiplied by.
        unit: Unit of a value.
        points: Unit of a difference.
        lower_is_better: Whether a smaller value is better: of losses, seconds, steps and images.
    """

    def __init__(self, metric: str) -> None:
        share = "acc" in metric
        seconds = metric.endswith("_s")
        self.factor = 100.0 if share else 1.0
        self.unit = "%" if share else " s" if seconds else ""
        self.points = " points" if share else self.unit
        self.digits = 2 if share or seconds else 4
        self.lower_is_better = seconds or metric.endswith(("loss", "_steps", "_images"))

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
    needed = seeds_needed(worth, found.sd)
    gap = f"{scale.difference(worth)}{scale.points}"
    if needed is None:
        return f"a gain of {gap} cannot be planned for: more runs are needed first"
    return (
        f"a gain of {gap} over this shows in {needed} seeds of each configuration "
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
    gap = (
        f"{found.second} minus {found.first} is {scale.difference(found.difference)}{scale.points}"
    )
    if math.isnan(found.p):
        return f"{gap}, from single runs: that says nothing of the configurations; train --seeds."
    interval = f"95% interval {scale.difference(found.low)} to {scale.difference(found.high)}"
    runs = f"n = {found.n[0]} pairs" if found.paired else f"n = {found.n[0]} and {found.n[1]} runs"
    evidence = f"{interval}, {runs}, p {_p(found.p_holm)}"
    if not found.distinguishable:
        worth = f"{scale.difference(found.worth)}{scale.points}"
        needs = f"; to show {worth} takes about {found.needed} seeds each" if found.needed else ""
        return (
            f"{found.first} and {found.second} are not distinguishable: {gap}, {evidence}{needs}."
        )
    second_wins = (found.difference > 0) != scale.lower_is_better
    winner = found.second if second_wins else found.first
    sign = 1 if found.difference > 0 else -1
    low, high = sorted((sign * found.low, sign * found.high))
    by = f"{scale.difference(abs(found.difference))}{scale.points}"
    interval = f"95% interval {scale.difference(low)} to {scale.difference(high)}"
    return f"{winner} is better by {by}, {interval}, {runs}, p {_p(found.p_holm)}."


def _on_images(found: Comparison) -> str:
    images = found.images
    if images is None:
        return ""
    low, high = map(Scale("acc").difference, (images.low, images.high))
    text = f"On other images like these {images.images:,}, these very networks would differ by "
    text += f"{low} to {high} points of accuracy"
    if images.p is None:
        return f"{text} (bootstrap)."
    return (
        f"{text} (bootstrap); {found.first} alone is right about {images.only_first} of them, "
        f"{found.second} alone about {images.only_second}: McNemar's p {_p(images.p)}."
    )


def _p(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"= {value:.2g}"  # noqa: PLR2004  # four digits shown
