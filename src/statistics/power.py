"""How many runs a claim needs."""

import math

from scipy import stats

_POWER = 0.8  # share of true differences that are found
_FEWEST, _MOST = 2, 10**7


def seeds_needed(
    difference: float, sd: float, paired: bool = False, error: float = 0.05
) -> int | None:
    """Count the runs of each configuration that show a difference of means, by a t-test.

    Args:
        difference: True difference, above 0.
        sd: Standard deviation of the runs of a configuration; if paired, of the differences.
        paired: Whether runs of the same seed are compared.
        error: Two-sided error of the test, in `(0, 1)`.

    Returns:
        Runs of each, at least 2, for a power of 80%; None if `sd` is not a number above 0, or
        more than ten million are needed.
    """
    if not sd > 0:
        return None
    enough = _FEWEST
    while _power(enough, difference / sd, paired, error) < _POWER:
        enough *= 2
        if enough > _MOST:
            return None
    low, high = enough // 2, enough
    while high - low > 1:
        middle = (low + high) // 2
        found = _power(middle, difference / sd, paired, error) >= _POWER
        low, high = (low, middle) if found else (middle, high)
    return max(high, _FEWEST)


def _power(n: int, effect: float, paired: bool, error: float) -> float:
    """Tell how often a t-test finds an effect of so many standard deviations."""
    freedom = n - 1 if paired else 2 * (n - 1)
    if freedom < 1:
        return 0.0
    shift = effect * math.sqrt(n if paired else n / 2)
    limit = stats.t.isf(error / 2, freedom)
    power = float(stats.nct.sf(limit, freedom, shift) + stats.nct.cdf(-limit, freedom, shift))
    return 1.0 if math.isnan(power) else power  # so far from chance that scipy has no number
