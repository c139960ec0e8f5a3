"""What the answers to the same samples say about the difference of networks."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

Numbers = npt.NDArray[np.float64]
Rows = npt.NDArray[Any]  # P numbers of each sample, of which a metric is made, (N, P)
Figure = Callable[[Numbers], Numbers]  # metric of the means of rows, (..., P) -> (...)

_RESAMPLES, _BATCH = 2000, 100
_NUMBERS = 2**23  # at once in memory, of all resamples of a batch


class Answers(NamedTuple):
    """What a network said of each test sample.

    Attributes:
        rows: Numbers of which the metric is made, `(N, P)`; whether each answer is right, `bool`,
            where the metric is the share of these.
        true: What was true of each sample, by which one test set is told from another.
        figure: Makes the metric of the mean of the rows.
    """

    rows: Rows
    true: npt.NDArray[Any]
    figure: Figure


class ImageDifference(NamedTuple):
    """The difference of two sets of networks on the same images.

    Attributes:
        images: Number of images N.
        difference: Metric of the second set minus that of the first.
        low: Lower end of its 95% interval over other images of the same kind.
        high: Upper end of it.
        only_first: Images that only the first of two networks gets right; None for more networks,
            and where no answer is right or wrong.
        only_second: Images that only the second one gets right.
        p: p-value of McNemar's exact test; None as `only_first` is.
        share: Whether it is a difference of shares of right answers.
    """

    images: int
    difference: float
    low: float
    high: float
    only_first: int | None = None
    only_second: int | None = None
    p: float | None = None
    share: bool = True


def mean(means: Numbers) -> Numbers:
    """Take the first mean as the metric, such as the share of right answers.

    Args:
        means: Means of rows, `(..., P)`.

    Returns:
        The metric, `(...)`.
    """
    return means[..., 0]


def compare_images(first: Rows, second: Rows, figure: Figure = mean) -> ImageDifference:
    """Compare networks image by image: for these very networks, would other images agree?

    The interval is a percentile bootstrap over the images, each of which keeps the answers of all
    networks. For one network each, McNemar's exact test is added where answers are right or wrong.

    Args:
        first: Rows of the networks of the first set, `(S, N, P)`.
        second: The same of the second set, `(S', N, P)`.
        figure: Makes the metric of the mean of the rows.

    Returns:
        Difference of their metrics, the mean over the networks of a set.

    Raises:
        ValueError: They are not of the same images.

    References:
        McNemar, "Note on the sampling error of the difference between correlated proportions or
        percentages", Psychometrika 12, 1947. doi:10.1007/BF02295996
    """
    count = first.shape[1]
    if count != second.shape[1]:
        raise ValueError(f"{count} images are compared with {second.shape[1]}")
    flat = [
        each.transpose(1, 0, 2).reshape(count, -1).astype(np.float64) for each in (first, second)
    ]

    def difference(index: npt.NDArray[np.int64], axis: int = -1) -> Numbers:  # noqa: ARG001  # of scipy
        times = _times(index.reshape(-1, count))  # (R, N)
        before, after = (
            figure((times @ rows / count).reshape(len(times), len(each), -1)).mean(axis=1)
            for rows, each in zip(flat, (first, second), strict=True)
        )
        found: Numbers = (after - before).reshape(index.shape[:-1])
        return found

    with np.errstate(all="ignore"):  # of what does not occur among some images, 0 / 0
        value = low = high = float(difference(np.arange(count)))
        if (first.mean(axis=0) != second.mean(axis=0)).any():
            low, high = _interval(count, difference)
    share = first.dtype == second.dtype == np.bool_
    found = ImageDifference(count, value, low, high, share=share)
    if not share or len(first) > 1 or len(second) > 1:
        return found
    right, also = first[0], second[0]
    only_first, only_second = int((right & ~also).sum()), int((also & ~right).sum())
    either = only_first + only_second
    p = float(stats.binomtest(only_first, either).pvalue) if either else 1.0
    return found._replace(only_first=only_first, only_second=only_second, p=p)


def _times(index: npt.NDArray[np.int64]) -> Numbers:
    """Count how often each image is in each resample, `(R, N)`."""
    shifted = index + index.shape[1] * np.arange(len(index))[:, None]
    counts = np.bincount(shifted.ravel(), minlength=index.size)
    return counts.reshape(index.shape).astype(np.float64)


def _interval(count: int, of: Callable[..., Numbers]) -> tuple[float, float]:
    bootstrap = stats.bootstrap(
        (np.arange(count),),
        of,
        n_resamples=_RESAMPLES,
        batch=max(1, min(_BATCH, _NUMBERS // count)),
        method="percentile",
        rng=np.random.default_rng(0),
    )
    low, high = map(float, bootstrap.confidence_interval)
    return low, high
