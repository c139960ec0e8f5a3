"""Configurations compared by several runs of each."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from src.statistics.estimate import Estimate, estimate
from src.statistics.images import Answers, ImageDifference, compare_images
from src.statistics.power import seeds_needed, seeds_range

ALPHA = 0.05
_FEWEST, _FEWEST_FOR_SD = 2, 3  # runs of each that a test and a plan need
_ROUNDING = 2**-22  # share of a value that four roundings of a 32-bit number may make


@dataclass(frozen=True)
class Sample:
    """Runs of a configuration.

    Attributes:
        name: Its name.
        values: Result by seed.
        answers: What each run said of the test samples, by seed; may lack runs.
    """

    name: str
    values: Mapping[int, float]
    answers: Mapping[int, Answers]


@dataclass(frozen=True)
class Comparison:
    """A configuration against another.

    Attributes:
        first: Name of the first one.
        second: Name of the second one.
        paired: Whether runs of the same seed were compared.
        n: Number of pairs, or of runs of the first and of the second one.
        left_out: Runs without a partner.
        difference: Mean of the second minus mean of the first.
        low: Lower end of its interval, which holds for all comparisons at once; not a number
            where nothing can be said.
        high: Upper end of it.
        p: p-value of the t-test; not a number where nothing can be said.
        p_corrected: The same, by Bonferroni for all comparisons that were made, as the interval.
        sd: Standard deviation of the pairs' differences, or pooled over the runs of both.
        worth: Difference that would be worth knowing; None if nobody said.
        needed: Runs of each that would show `worth`; None if that cannot be said, or if there
            are more than ten million, as in the two below.
        needed_low: The same by the lower end of the 95% interval of `sd`.
        needed_high: By its upper end.
        images: Difference on the shared images, or None.
    """

    first: str
    second: str
    paired: bool
    n: tuple[int, ...]
    left_out: int
    difference: float
    low: float
    high: float
    p: float
    p_corrected: float
    sd: float
    worth: float | None
    needed: int | None
    needed_low: int | None
    needed_high: int | None
    images: ImageDifference | None

    @property
    def effect(self) -> float:
        """Difference in standard deviations: d, of pairs d_z; not a number without these."""
        known = self.sd > 0 and min(self.n) >= _FEWEST_FOR_SD
        return self.difference / self.sd if known else math.nan

    @property
    def distinguishable(self) -> bool:
        """Whether the runs show a difference, with all comparisons taken into account."""
        return self.p_corrected < ALPHA


def compare(
    samples: Sequence[Sample], worth: float | None, alpha: float = ALPHA
) -> list[Comparison]:
    """Compare each configuration with the first one.

    Where all seeds of the smaller one are shared, runs are compared pair by pair; else Welch's test
    is taken.

    Args:
        samples: The configurations, two or more.
        worth: Difference that would be worth knowing, above 0; None plans nothing.
        alpha: Two-sided error of the intervals.

    Returns:
        A comparison for each but the first.
    """
    tested = sum(len(other.values) >= _FEWEST for other in samples[1:])
    tests = max(tested, 1)
    return [_compare(samples[0], other, tests, worth, alpha) for other in samples[1:]]


def _compare(
    first: Sample, second: Sample, tests: int, worth: float | None, alpha: float
) -> Comparison:
    error = alpha / tests
    shared = [seed for seed in first.values if seed in second.values]
    paired = _FEWEST <= len(shared) == min(len(first.values), len(second.values))
    before, after = ([*each.values.values()] for each in (first, second))
    rounding = _ROUNDING * max(map(abs, [*before, *after]))
    if paired:
        pairs = [second.values[seed] - first.values[seed] for seed in shared]
        result = _paired(estimate(pairs, 1 - error), rounding)
    else:
        result = _unpaired(before, after, 1 - error, rounding)
    difference, low, high, p, sd = result
    n = (len(shared),) if paired else (len(before), len(after))
    return Comparison(
        first.name,
        second.name,
        paired,
        n,
        len(before) + len(after) - 2 * len(shared) if paired else 0,
        difference,
        low,
        high,
        p,
        p if math.isnan(p) else min(1.0, tests * p),
        sd,
        worth,
        *_plan(worth, sd, n, paired, error),
        _on_images(first, second, shared if paired else []),
    )


def _plan(
    worth: float | None, sd: float, n: tuple[int, ...], paired: bool, error: float
) -> tuple[int | None, int | None, int | None]:
    """Count the runs that would show what is worth knowing, and bound their number."""
    if worth is None or min(n) < _FEWEST_FOR_SD or not sd > 0:
        return None, None, None
    freedom = sum(n) - len(n)
    needed = seeds_needed(worth, sd, paired, error)
    return needed, *seeds_range(worth, sd, freedom, paired, error)


_Result = tuple[float, float, float, float, float]  # difference, its interval, p, sd


def _paired(found: Estimate, rounding: float) -> _Result:
    if found.sd <= rounding:
        return _without_spread(found.mean, rounding)
    t = found.mean / (found.sd / math.sqrt(found.n))
    return found.mean, found.low, found.high, float(2 * stats.t.sf(abs(t), found.n - 1)), found.sd


def _unpaired(
    before: Sequence[float], after: Sequence[float], confidence: float, rounding: float
) -> _Result:
    a, b = estimate(before), estimate(after)
    difference = b.mean - a.mean
    if min(a.n, b.n) < _FEWEST:
        return difference, math.nan, math.nan, math.nan, math.nan
    sd = math.sqrt((a.sd**2 + b.sd**2) / 2)
    if sd <= rounding:
        return _without_spread(difference, rounding)
    # Welch's test by hand: scipy's warns where the values of a group are nearly equal.
    first, second = a.sd**2 / a.n, b.sd**2 / b.n
    error = math.sqrt(first + second)
    freedom = (first + second) ** 2 / (first**2 / (a.n - 1) + second**2 / (b.n - 1))
    half = error * float(stats.t.isf((1 - confidence) / 2, freedom))
    p = float(2 * stats.t.sf(abs(difference) / error, freedom))
    return difference, difference - half, difference + half, p, sd


def _without_spread(difference: float, rounding: float) -> _Result:
    """Say nothing from equal differences: a test would take their sd of 0 for certainty."""
    return difference if abs(difference) > rounding else 0.0, math.nan, math.nan, math.nan, 0.0


def _on_images(first: Sample, second: Sample, shared: Sequence[int]) -> ImageDifference | None:
    """Compare answers of the runs that are compared; None if some of these are not known."""
    seeds = [shared or [*each.values] for each in (first, second)]
    answers = [
        [each.answers[seed] for seed in wanted if seed in each.answers]
        for each, wanted in zip((first, second), seeds, strict=True)
    ]
    kinds = {(one.rows.shape, one.figure) for each in answers for one in each}
    if [*map(len, answers)] != [*map(len, seeds)] or len(kinds) != 1:
        return None
    before, after = (np.stack([one.rows for one in each]) for each in answers)
    ((_, figure),) = kinds
    return compare_images(before, after, figure)
