"""How well each class is found where a sample may be of several."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Answers = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]
NAMES = "f1", "precision", "recall"
_RESAMPLES, _BATCH = 1000, 50
_FEWEST = 10  # samples that a bootstrap says something of


def measure(said: Answers, given: Answers) -> Numbers:
    """Measure each class and all of them, with percentile bootstraps over the samples.

    Args:
        said: Whether the network finds a class in a sample, `(N, K)`.
        given: Whether it is there, `(N, K)`.

    Returns:
        Value, lower and upper end of its 95% interval, of each of `NAMES`, of each class and of
        their mean, `(3, 3, K + 1)`. Not a number: the precision of a class that is never found,
        the recall of one that is never there, intervals from too few samples, and means of these.
    """
    rows = np.concatenate([said & given, said, given], axis=1).astype(np.float64)  # (N, 3 K)
    value = _figures(rows.sum(axis=0))
    if len(rows) < _FEWEST:
        return np.stack([value, *np.full((2, *value.shape), np.nan)])
    drawn = np.concatenate([_figures(counts @ rows) for counts in _resamples(len(rows))])
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    return np.stack([value, low, high])


def _figures(sums: Numbers) -> Numbers:
    """Compute `NAMES` of each class and their means, `(..., 3, K + 1)`, from sums `(..., 3 K)`."""
    both, said, given = np.split(sums, 3, axis=-1)
    with np.errstate(invalid="ignore"):
        found = np.stack(
            [2 * both / np.maximum(said + given, 1), both / said, both / given], axis=-2
        )
    return np.concatenate([found, found.mean(axis=-1, keepdims=True)], axis=-1)


def _resamples(count: int) -> Iterator[Numbers]:
    """Draw samples with replacement: how often each of them is drawn, `(B, N)`, in batches."""
    rng = np.random.default_rng(0)
    for _ in range(_RESAMPLES // _BATCH):
        drawn = rng.integers(count, size=(_BATCH, count)) + count * np.arange(_BATCH)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=_BATCH * count)
        yield counts.reshape(_BATCH, count).astype(np.float64)
