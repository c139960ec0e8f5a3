"""Conclusions in plain words."""

import math
from collections.abc import Sequence

from src.engine.records.metric import Metric, is_count
from src.statistics.comparison import ALPHA, Comparison
from src.statistics.estimate import Estimate
from src.statistics.power import seeds_needed, seeds_range

_FEWEST_FOR_SD = 3  # runs from which a standard deviation is worth planning with
_SMALLEST_P = 1e-4  # that is written out
_MANY = 10_000  # seeds that nobody trains
_USUAL = 4  # decimals of a number that is neither a share nor seconds
_DIGITS = 7  # that a 32-bit number has
_LARGE = 100.0  # from here on decimals are written only where values differ in them


class Scale:
    """How a metric is written: a share in percent and its differences in points.

    Args:
        metric: The metric, such as `test/acc` or `fit_s`; its name alone if it is not known which
            value is best.
        samples: Samples of the test that it is a share of; None if it is none, or not known.
        values: What will be written: it decides on the number of decimals.

    Attributes:
        factor: What a value is multiplied by.
        unit: Unit of a value.
        points: Unit of a difference.
        mode: Whether the highest or the lowest value is best; None if it is not known.
        resolution: How exact equal values are.
    """

    def __init__(
        self, metric: Metric | str, samples: int | None = None, values: Sequence[float] = ()
    ) -> None:
        name = metric if isinstance(metric, str) else metric.name
        share = isinstance(metric, Metric) and metric.format == "percent"
        self.factor = 100.0 if share else 1.0
        self.unit = "%" if share else _unit(name)
        self.points = " points" if share else self.unit
        coarse = share or self.unit == " s"
        self.digits = _decimals([self.factor * value for value in values], 2 if coarse else _USUAL)
        self.mode = None if isinstance(metric, str) else metric.mode
        self.resolution = "to the last digit"
        if share and samples and all(is_count(value, samples) for value in values):
            step = f"{self.gap(1 / samples)} for {samples:,} samples"
            self.resolution = f"to the resolution of the test set ({step})"

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

    def gap(self, value: float) -> str:
        """Write a difference that somebody named, however small it is.

        Args:
            value: What to write.

        Returns:
            Such as `0.05 points`.
        """
        return f"{value * self.factor:.3g}{self.points}"


def _unit(name: str) -> str:
    """Tell the unit of a figure that carries it in its name."""
    units = {"_per_s": "", "_mib": " MiB", "_s": " s"}
    return next((unit for end, unit in units.items() if name.endswith(end)), "")


def _decimals(values: Sequence[float], usual: int) -> int:
    """Choose decimals that show how values differ, and no more than a 32-bit number has.

    The first difference is shown with as many digits as there are usual decimals, less one.
    """
    largest = max(map(abs, values), default=0.0)
    if largest == 0:
        return usual
    apart = max(values) - min(values)
    counts = usual == _USUAL and all(float(value).is_integer() for value in values)
    if counts and not apart:
        return 0
    fewest = 0 if counts or largest >= _LARGE else usual
    needed = usual - 2 - math.floor(math.log10(apart or largest))
    most = _DIGITS - 1 - math.floor(math.log10(largest))
    return max(0, min(most, max(fewest, needed)))


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
    if math.isnan(found.low):
        equal = f"(all {found.n} values are equal {scale.resolution}: no interval)"
        return f"{scale.value(found.mean)} {equal}"
    low, high = scale.value(found.low), scale.value(found.high)
    what = f"{scale.value(found.mean)} +- {scale.value(found.sd)} (mean +- sd)"
    if found.n < _FEWEST_FOR_SD:
        what = f"{scale.value(found.mean)} (mean of {found.n}: too few for an sd)"
    return f"{what}, 95% interval of the mean {low} to {high}"


def describe_power(found: Estimate, worth: float, scale: Scale) -> str:
    """Say how many runs a configuration needs.

    Args:
        found: What its runs gave.
        worth: Difference that shall be shown.
        scale: How the metric is written.

    Returns:
        A clause.
    """
    gap = scale.gap(worth)
    if found.n < _FEWEST_FOR_SD or not found.sd > 0:
        return f"how many seeds a gain of {gap} takes cannot be told from these {found.n} runs"
    needed, ends = seeds_needed(worth, found.sd), seeds_range(worth, found.sd, found.n - 1)
    return (
        f"a gain of {gap} over this would show in {_seeds(needed, *ends)} of each configuration "
        f"(power 80%, error 5%); the range is what the sd of {found.n} runs leaves open"
    )


def _seeds(needed: int | None, low: int | None, high: int | None) -> str:
    if low is None or low > _MANY:
        return f"more than {_MANY:,} seeds"
    about = f"about {needed:,}" if needed and needed <= _MANY else f"more than {_MANY:,}"
    most = f"{high:,}" if high and high <= _MANY else f"more than {_MANY:,}"
    return f"{about} seeds ({low:,} to {most})"


def conclude(found: Comparison, scale: Scale) -> str:
    """Say what a comparison shows.

    Args:
        found: The comparison.
        scale: How the metric is written.

    Returns:
        A sentence on the configurations and, where answers are known, one on these networks.
    """
    return " ".join(part for part in (_on_seeds(found, scale), _on_images(found, scale)) if part)


def _on_seeds(found: Comparison, scale: Scale) -> str:
    first, second = found.first, found.second
    gap = f"{second} minus {first} is {scale.difference(found.difference)}{scale.points}"
    if math.isnan(found.p):
        return f"{gap}, {_why_not(found, scale)}"
    low, high = found.low, found.high
    better, other = second, first
    if found.distinguishable and (found.difference > 0) == (scale.mode == "min"):
        better, other = first, second
    if found.distinguishable and found.difference < 0:
        low, high = -found.high, -found.low
    runs = f"n = {found.n[0]} pairs" if found.paired else f"n = {found.n[0]} and {found.n[1]} runs"
    if found.left_out:
        runs += f" ({found.left_out} of the runs left out, without a partner)"
    lowest = scale.difference(low)
    if found.distinguishable and float(lowest) == 0:  # it is not
        lowest = "above 0"
    evidence = (
        f"95% interval {lowest} to {scale.difference(high)}, {runs}, p {_p(found.p_corrected)}"
    )
    if found.distinguishable:
        by = f"{scale.difference(abs(found.difference))}{scale.points}"
        what = "better" if scale.mode else "higher"
        return f"{better} is {what} than {other} by {by}, {evidence}."
    needs = ""
    if found.worth is not None and min(found.n) >= _FEWEST_FOR_SD:
        seeds = _seeds(found.needed, found.needed_low, found.needed_high)
        needs = f"; to show {scale.gap(found.worth)} takes {seeds} each"
    return f"{first} and {second} are not distinguishable: {gap}, {evidence}{needs}."


def _why_not(found: Comparison, scale: Scale) -> str:
    if min(found.n) == 1:
        return "from single runs: that says nothing of the configurations; train --seeds."
    if found.difference == 0:
        runs = f"{found.n[0]} pairs" if found.paired else " and ".join(map(str, found.n)) + " runs"
        return (
            f"equal in {runs} {scale.resolution}: that is no measure of chance; train more --seeds."
        )
    what = f"in all {found.n[0]} pairs" if found.paired else "between all runs of both"
    return f"the same {what}: that is no measure of chance; train more --seeds."


def _on_images(found: Comparison, scale: Scale) -> str:
    images = found.images
    if images is None:
        return ""
    share = Scale(Metric("", "max", "percent")) if images.share else scale
    low, high = map(share.difference, (images.low, images.high))
    if images.low == images.high:  # no image tells them apart, or every one does
        same = f"the same on each of the {images.images:,} test samples"
        gap = f"{share.difference(images.difference)}{share.points}"
        return f"For these very networks, {found.second} minus {found.first} is {gap}, {same}."
    text = (
        f"For these very networks, {found.second} minus {found.first} on samples of this kind is "
        f"{low} to {high}{share.points} (95%, bootstrap over the {images.images:,} test samples)"
    )
    if images.p is None:
        return f"{text}."
    return (
        f"{text}; {found.first} alone is right about {images.only_first:,} of them, "
        f"{found.second} alone about {images.only_second:,}: McNemar's p {_p(images.p)}."
    )


def _p(value: float) -> str:
    if value < _SMALLEST_P:
        return "< 0.0001"
    texts = [f"{value:.{digits}g}" for digits in (2, 3, 4)]  # not rounded over the limit
    right = (text for text in texts if (float(text) < ALPHA) == (value < ALPHA))
    return f"= {next(right, value)}"
