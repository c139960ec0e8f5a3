"""Networks compared image by image."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from src.statistics.images import compare_images


def answers(*rows: str) -> np.ndarray:
    return np.array([[[letter == "1"] for letter in row] for row in rows])  # (S, N, 1)


def test_mcnemar_counts_by_hand() -> None:
    first = answers("1" * 10 + "0" * 8 + "1" * 2)
    second = answers("1" * 10 + "1" * 8 + "0" * 2)
    found = compare_images(first, second)
    assert (found.only_first, found.only_second) == (2, 8)
    assert found.p == pytest.approx(mcnemar([[10, 2], [8, 0]], exact=True).pvalue)
    assert found.difference == pytest.approx(6 / 20)


def test_interval_is_near_the_normal_one() -> None:
    generator = np.random.default_rng(1)
    first, second = generator.random((4, 5000, 1)) < 0.98, generator.random((3, 5000, 1)) < 0.985
    found = compare_images(first, second)
    each = (second.mean(axis=0) - first.mean(axis=0))[:, 0]
    half = 1.96 * each.std() / np.sqrt(len(each))
    assert (found.low, found.high) == pytest.approx(
        (each.mean() - half, each.mean() + half), abs=half / 8
    )
    assert found.p is None
    assert found == compare_images(first, second)  # its chance is always the same
    resampled = stats.bootstrap(
        (each,), np.mean, n_resamples=2000, batch=100, method="percentile",
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert (found.low, found.high) == pytest.approx(resampled.confidence_interval, rel=1e-9)


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1)])
def test_several_networks_have_no_counts(first: int, second: int) -> None:
    found = compare_images(answers(*["110"] * first), answers(*["101"] * second))
    assert (found.images, found.difference) == (3, 0)
    assert (found.only_first, found.only_second, found.p) == (None, None, None)


def test_bootstrap_covers_the_true_difference() -> None:
    generator = np.random.default_rng(2)
    held = 0
    for _ in range(100):
        first = generator.random((1, 1000, 1)) < 0.95
        second = generator.random((1, 1000, 1)) < 0.97
        found = compare_images(first, second)
        held += found.low <= 0.02 <= found.high
    assert 0.90 <= held / 100 <= 0.99


def test_same_answers_do_not_differ() -> None:
    same = answers("1101")
    found = compare_images(same, same)
    assert (found.low, found.high, found.p) == (0, 0, 1)
    assert (found.only_first, found.only_second, found.images) == (0, 0, 4)


def test_other_images_are_refused() -> None:
    with pytest.raises(ValueError, match="3 images are compared with 2"):
        compare_images(answers("111"), answers("11"))


def root(means: np.ndarray) -> np.ndarray:
    return np.sqrt(means[..., 0])


def test_errors_are_compared_sample_by_sample() -> None:
    generator = np.random.default_rng(1)
    hard = generator.exponential(1, (2000, 1))  # the same samples are hard for both
    first = np.stack([hard * generator.uniform(0.9, 1.1, (2000, 1)) for _ in range(3)])
    second = 1.21 * first[:2]
    found = compare_images(first, second, root)
    rmse = [np.sqrt(each.mean(axis=1)).mean() for each in (first, second)]
    assert found.difference == pytest.approx(rmse[1] - rmse[0])
    assert found.low < found.difference < found.high
    assert found.high - found.low < 0.1 * rmse[0]  # pairs are kept: hard ones cancel
    assert (found.images, found.p, found.share) == (2000, None, False)
    assert compare_images(first, first, root)[1:4] == (0, 0, 0)


def test_bootstrap_of_errors_covers_the_true_difference() -> None:
    generator = np.random.default_rng(2)
    held = 0
    for _ in range(60):
        errors = [np.square(sd * generator.normal(size=(1, 400, 1))) for sd in (1.0, 1.1)]
        found = compare_images(*errors, root)
        held += found.low <= 0.1 <= found.high
    assert 0.88 <= held / 60 <= 1


def test_metric_of_several_sums_is_resampled_whole() -> None:
    """A quotient of sums is not the mean of the quotients of each sample."""
    generator = np.random.default_rng(3)
    either = generator.integers(1, 100, (1, 500, 2)).astype(float)
    rows = [np.concatenate([share * either, either], 2)[..., [0, 2]] for share in (0.5, 0.6)]
    rows = [each * generator.integers(1, 5, (1, 500, 1)) for each in rows]
    figure = lambda means: means[..., 0] / means[..., 1]  # noqa: E731
    found = compare_images(*rows, figure)
    assert (found.difference, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))
