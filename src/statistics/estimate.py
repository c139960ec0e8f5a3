"""What several runs say about the mean of all runs."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats


class Estimate(NamedTuple):
    """A mean with its uncertainty.

    Attributes:
        n: Number of values.
        mean: Their mean.
        sd: Their standard deviation, with n - 1; not a number for one value.
        low: Lower end of the interval of the mean; not a number for one value, and for equal ones,
            whose sd of 0 is no certainty.
        high: Upper end of it.
        smallest: Smallest value.
        largest: Largest value.
    """

    n: int
    mean: float
    sd: float
    low: float
    high: float
    smallest: float
    largest: float


def estimate(values: Sequence[float], confidence: float = 0.95) -> Estimate:
    """Estimate the mean of what values are drawn from, by Student's t.

    Args:
        values: Independent values, about normally distributed.
        confidence: Share of such intervals that contain the mean, in `(0, 1)`.

    Returns:
        The estimate.

    Raises:
        ValueError: There is no value.
    """
    if not values:
        raise ValueError("a mean needs at least one value")
    array = np.asarray(values, dtype=np.float64)
    n, mean = len(array), float(array.mean())
    sd = float(array.std(ddof=1)) if n > 1 else math.nan
    low = high = math.nan
    if array.min() == array.max() and n > 1:
        sd = 0.0  # numpy's mean may be a rounding away
    if sd > 0:
        low, high = map(float, stats.t.interval(confidence, n - 1, mean, sd / math.sqrt(n)))
    return Estimate(n, mean, sd, low, high, float(array.min()), float(array.max()))
