"""An interval for a share."""

import math


def wilson_interval(share: float, count: int) -> tuple[float, float]:
    """Bound a true share, given the share observed in independent trials, with 95% confidence.

    Args:
        share: Observed share, in `[0, 1]`.
        count: Number of trials.

    Returns:
        Lower and upper bound.

    References:
        Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
        the American Statistical Association 22, 1927. doi:10.1080/01621459.1927.10502953
    """
    z = 1.959964  # 97.5% quantile of the normal distribution
    centre = share + z**2 / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    return (centre - half) / (1 + z**2 / count), (centre + half) / (1 + z**2 / count)
