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


def seeds_range(
    difference: float, sd: float, freedom: int, paired: bool = False, error: float = 0.05
) -> tuple[int | None, int | None]:
    """Bound the runs that are needed, for the standard deviation of few runs is hardly known.

    Args:
        difference: As `seeds_needed` takes it, as all but `freedom`.
        sd: Standard deviation of the runs that there are.
        freedom: Its degrees of freedom.
        paired: Whether runs of the same seed are compared.
        error: Two-sided error of the test.

    Returns:
        Runs of each for both ends of the 95% interval of the standard deviation, by chi-squared.
    """
    ends = stats.chi2.ppf((0.975, 0.025), freedom)
    low, high = (sd * math.sqrt(freedom / float(end)) for end in ends)
    return seeds_needed(difference, low, paired, error), seeds_needed(
        difference, high, paired, error
    )


def _power(n: int, effect: float, paired: bool, error: float) -> float:
    """Tell how often a t-test finds an effect of so many standard deviations."""
    freedom = n - 1 if paired else 2 * (n - 1)
    if freedom < 1:
        return 0.0
    shift = effect * math.sqrt(n if paired else n / 2)
    limit = stats.t.isf(error / 2, freedom)
    power = float(stats.nct.sf(limit, freedom, shift) + stats.nct.cdf(-limit, freedom, shift))
    return 1.0 if math.isnan(power) else power  # so far from chance that scipy has no number
