"""How far estimates are from what is true."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

Numbers = npt.NDArray[np.float64]
_RESAMPLES, _BATCH = 1000, 50
_FEWEST = 10  # samples that a bootstrap says something of


class Measure(NamedTuple):
    """A measure of the errors.

    Attributes:
        value: The measure.
        low: Lower end of its 95% interval over other samples of the same kind; not a number where
            there are too few.
        high: Upper end of it.
    """

    value: float
    low: float
    high: float


def measure(prediction: Numbers, target: Numbers) -> dict[str, Measure]:
    """Measure the errors of estimates of a number, with percentile bootstraps over the samples.

    Args:
        prediction: Estimates, `(N,)`.
        target: What is true, `(N,)`.

    Returns:
        `rmse`, `mae`, `bias` (mean error) and `r2`.
    """
    error = prediction - target

    def over(parts: tuple[Numbers, ...], of: Callable[..., Numbers]) -> Measure:
        value = float(of(*parts, axis=-1))
        if len(error) < _FEWEST or not np.isfinite(value):
            return Measure(value, np.nan, np.nan)
        found = stats.bootstrap(
            parts,
            of,
            n_resamples=_RESAMPLES,
            batch=_BATCH,
            paired=True,
            method="percentile",
            rng=np.random.default_rng(0),
        )
        return Measure(value, *map(float, found.confidence_interval))

    return {
        "rmse": over((error,), _rmse),
        "mae": over((np.abs(error),), np.mean),
        "bias": over((error,), np.mean),
        "r2": over((error, target), _r2),
    }


def _rmse(error: Numbers, axis: int) -> Numbers:
    found: Numbers = np.sqrt(np.square(error).mean(axis))
    return found


def _r2(error: Numbers, target: Numbers, axis: int) -> Numbers:
    """Compute the share of the targets' variance that is explained; not a number without any."""
    spread = target.var(axis)
    found: Numbers = 1 - np.square(error).mean(axis) / np.where(spread == 0, np.nan, spread)
    return found
