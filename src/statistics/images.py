"""What the answers to the same samples say about the difference of networks."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

Correct = npt.NDArray[np.bool_]  # (S, N): whether each of S networks is right about each image
Errors = npt.NDArray[np.float64]  # (S, N): its squared error of each sample

_RESAMPLES, _BATCH = 2000, 100
_NUMBERS = 2**25  # at once in memory, of all resamples of a batch


class ImageDifference(NamedTuple):
    """The difference of two sets of networks on the same images.

    Attributes:
        images: Number of images N.
        difference: Accuracy of the second set minus that of the first, in `[-1, 1]`, or root mean
            square error.
        low: Lower end of its 95% interval over other images of the same kind.
        high: Upper end of it.
        only_first: Images that only the first of two networks gets right; None for more networks.
        only_second: Images that only the second one gets right.
        p: p-value of McNemar's exact test; None for more than two networks.
        share: Whether it is a difference of accuracies.
    """

    images: int
    difference: float
    low: float
    high: float
    only_first: int | None = None
    only_second: int | None = None
    p: float | None = None
    share: bool = True


def compare_images(first: Correct, second: Correct) -> ImageDifference:
    """Compare networks image by image: for these very networks, would other images agree?

    The interval is a percentile bootstrap over the images; for one network each McNemar's exact
    test is added.

    Args:
        first: Whether the networks of the first set are right, `(S, N)`.
        second: The same of the second set, `(S', N)`.

    Returns:
        Their difference.

    Raises:
        ValueError: They are not of the same images.

    References:
        McNemar, "Note on the sampling error of the difference between correlated proportions or
        percentages", Psychometrika 12, 1947. doi:10.1007/BF02295996
    """
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"{first.shape[1]} images are compared with {second.shape[1]}")
    each = second.mean(axis=0) - first.mean(axis=0)  # (N,)
    low = high = float(each.mean())
    if each.any():
        low, high = _interval(each, np.mean)
    found = ImageDifference(len(each), float(each.mean()), low, high)
    if len(first) > 1 or len(second) > 1:
        return found
    right, also = first[0], second[0]
    only_first, only_second = int((right & ~also).sum()), int((also & ~right).sum())
    either = only_first + only_second
    p = float(stats.binomtest(only_first, either).pvalue) if either else 1.0
    return found._replace(only_first=only_first, only_second=only_second, p=p)


def compare_errors(first: Errors, second: Errors) -> ImageDifference:
    """Compare networks that estimate numbers, sample by sample.

    The interval is a percentile bootstrap over the samples, each of which keeps the errors of all
    networks.

    Args:
        first: Squared errors of the networks of the first set, `(S, N)`.
        second: The same of the second set, `(S', N)`.

    Returns:
        Difference of their root mean square errors, the mean over the networks of a set.
    """

    def difference(index: npt.NDArray[np.int64], axis: int = -1) -> npt.NDArray[np.float64]:
        before, after = (
            np.sqrt(each[:, index].mean(axis=axis)).mean(axis=0) for each in (first, second)
        )
        found: npt.NDArray[np.float64] = after - before
        return found

    index = np.arange(first.shape[1])
    value = low = high = float(difference(index))
    if (first.mean(axis=0) != second.mean(axis=0)).any():
        low, high = _interval(index, difference, rows=len(first))
    return ImageDifference(len(index), value, low, high, share=False)


def _interval(
    values: npt.NDArray[Any], of: Callable[..., Any], rows: int = 1
) -> tuple[float, float]:
    bootstrap = stats.bootstrap(
        (values,),
        of,
        n_resamples=_RESAMPLES,
        batch=max(1, min(_BATCH, _NUMBERS // (rows * len(values)))),
        method="percentile",
        rng=np.random.default_rng(0),
    )
    low, high = map(float, bootstrap.confidence_interval)
    return low, high
