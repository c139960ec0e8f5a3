"""How many runs a claim needs."""

import math

from scipy.optimize import brentq
from statsmodels.stats.power import TTestIndPower, TTestPower

_ALPHA, _POWER = 0.05, 0.8  # two-sided error, and share of true differences that are found
_FEWEST, _MOST = 2, 10**7


def seeds_needed(difference: float, sd: float, paired: bool = False) -> int | None:
    """Count the runs of each configuration that show a difference of means, by a t-test.

    Args:
        difference: True difference, above 0.
        sd: Standard deviation of the runs of a configuration; if paired, of the differences.
        paired: Whether runs of the same seed are compared.

    Returns:
        Runs of each, at least 2, for a power of 80% at an error of 5%; None if `sd` is not a
        number or more than ten million are needed.
    """
    if math.isnan(sd):
        return None
    if sd == 0:
        return _FEWEST
    test = TTestPower() if paired else TTestIndPower()

    def lacking(n: float) -> float:
        return float(test.power(difference / sd, n, _ALPHA)) - _POWER

    enough = _FEWEST
    while lacking(enough) < 0:  # step by step: far above, the noncentral t is not a number
        enough *= 2
        if enough > _MOST:
            return None
    if enough == _FEWEST:
        return _FEWEST
    return math.ceil(float(brentq(lacking, enough / 2, enough, xtol=1e-6)))
