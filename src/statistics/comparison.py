"""Configurations compared by several runs of each."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests

from src.statistics.estimate import Estimate, estimate
from src.statistics.images import Correct, ImageDifference, compare_images
from src.statistics.power import seeds_needed

_ALPHA = 0.05
_FEWEST = 2  # runs of each that a test needs


@dataclass(frozen=True)
class Sample:
    """Runs of a configuration.

    Attributes:
        name: Its name.
        values: Result by seed.
        correct: Whether each run is right about each image, by seed, `(N,)`; may lack runs.
    """

    name: str
    values: Mapping[int, float]
    correct: Mapping[int, Correct]


@dataclass(frozen=True)
class Comparison:
    """A configuration against another.

    Attributes:
        first: Name of the first one.
        second: Name of the second one.
        paired: Whether runs of the same seed were compared.
        n: Number of pairs, or of runs of the first and of the second one.
        difference: Mean of the second minus mean of the first.
        low: Lower end of its interval, which holds for all comparisons at once; not a number for
            single runs.
        high: Upper end of it.
        p: p-value of the t-test; not a number for single runs.
        p_holm: The same, corrected by Holm for all comparisons that were made.
        sd: Standard deviation of the pairs' differences, or pooled over the runs of both.
        worth: Difference that would be worth knowing.
        images: Difference on the shared images, or None.
    """

    first: str
    second: str
    paired: bool
    n: tuple[int, ...]
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    sd: float
    worth: float
    images: ImageDifference | None

    @property
    def effect(self) -> float:
        """Difference in standard deviations: Cohen's d; not a number if there is none."""
        return self.difference / self.sd if self.sd else math.nan

    @property
    def needed(self) -> int | None:
        """Runs of each that would show `worth`; None if that cannot be said."""
        return seeds_needed(self.worth, self.sd, self.paired)

    @property
    def distinguishable(self) -> bool:
        """Whether the runs show a difference, with all comparisons taken into account."""
        return self.p_holm < _ALPHA


def compare(samples: Sequence[Sample], worth: float) -> list[Comparison]:
    """Compare each configuration with the first one.

    Where at least two seeds are shared, their runs are compared pair by pair; else Welch's test is
    taken.

    Args:
        samples: The configurations, two or more.
        worth: Difference that would be worth knowing, above 0.

    Returns:
        A comparison for each but the first.
    """
    confidence = 1 - _ALPHA / (len(samples) - 1)  # Bonferroni: the intervals hold together
    found = [_compare(samples[0], other, confidence, worth) for other in samples[1:]]
    tested = [each for each in found if not math.isnan(each.p)]
    if len(tested) <= 1:
        return found
    corrected = iter(multipletests([each.p for each in tested], method="holm")[1])
    return [
        each if math.isnan(each.p) else replace(each, p_holm=float(next(corrected)))
        for each in found
    ]


def _compare(first: Sample, second: Sample, confidence: float, worth: float) -> Comparison:
    shared = [seed for seed in first.values if seed in second.values]
    paired = len(shared) >= _FEWEST
    before, after = ([*each.values.values()] for each in (first, second))
    if paired:
        pairs = [second.values[seed] - first.values[seed] for seed in shared]
        result = _paired(estimate(pairs, confidence))
    else:
        result = _unpaired(before, after, confidence)
    difference, low, high, p, sd = result
    return Comparison(
        first.name,
        second.name,
        paired,
        (len(shared),) if paired else (len(before), len(after)),
        difference,
        low,
        high,
        p,
        p,
        sd,
        worth,
        _on_images(first, second, shared if paired else []),
    )


_Result = tuple[float, float, float, float, float]  # difference, its interval, p, sd


def _paired(found: Estimate) -> _Result:
    p = 1.0 if found.mean == 0 else 0.0  # where all pairs differ by the same
    if found.sd > 0:
        t = found.mean / (found.sd / math.sqrt(found.n))
        p = float(2 * stats.t.sf(abs(t), found.n - 1))
    return found.mean, found.low, found.high, p, found.sd


def _unpaired(before: Sequence[float], after: Sequence[float], confidence: float) -> _Result:
    a, b = estimate(before), estimate(after)
    difference = b.mean - a.mean
    if min(a.n, b.n) < _FEWEST:
        return difference, math.nan, math.nan, math.nan, math.nan
    sd = math.sqrt((a.sd**2 + b.sd**2) / 2)
    if sd == 0:
        return difference, difference, difference, 1.0 if difference == 0 else 0.0, sd
    test = stats.ttest_ind(after, before, equal_var=False)
    low, high = map(float, test.confidence_interval(confidence))
    return difference, low, high, float(test.pvalue), sd


def _on_images(first: Sample, second: Sample, shared: Sequence[int]) -> ImageDifference | None:
    """Compare answers of the runs that are compared; None if some of these are not known."""
    seeds = [shared or [*each.values] for each in (first, second)]
    answers = [
        [each.correct[seed] for seed in wanted if seed in each.correct]
        for each, wanted in zip((first, second), seeds, strict=True)
    ]
    sizes = {len(row) for rows in answers for row in rows}
    if [*map(len, answers)] != [*map(len, seeds)] or len(sizes) != 1:
        return None
    before, after = (np.stack(rows) for rows in answers)
    return compare_images(before, after)
