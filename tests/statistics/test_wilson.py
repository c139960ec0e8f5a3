import pytest

from src.statistics.wilson import wilson_interval


@pytest.mark.parametrize(
    ("share", "count", "low", "high"),
    [
        (0.99, 10_000, 0.987853, 0.991771),
        (0.5, 10, 0.236593, 0.763407),
        (1.0, 100, 0.963007, 1.0),
    ],  # scipy.stats.binomtest(...).proportion_ci(method="wilson")
)
def test_interval_agrees_with_scipy(share: float, count: int, low: float, high: float) -> None:
    assert wilson_interval(share, count) == pytest.approx((low, high), abs=1e-6)
