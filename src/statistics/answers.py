"""What runs said of the test samples."""

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from src.engine.files.arrays import OtherArraysError, read_arrays
from src.engine.records.run_record import RunRecord

Answers = tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]
_ROUNDING = 1e-3  # of an error that was added up in 32 bits


def read_quality(
    records: Mapping[int, RunRecord], metric: str
) -> dict[int, tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """Read how good the answer of each run to each test sample is, where a metric is made of that.

    Args:
        records: The runs by seed.
        metric: Name of the figure that is compared.

    Returns:
        Whether it is right, `(N,)`, or its squared error, and what was true, by seed, of the runs
        that wrote it down; nothing for another metric than accuracy and root mean square error.

    Raises:
        ValueError: A file is damaged.
    """
    if metric == "test/acc":
        return {seed: (said == true, true) for seed, (said, true) in read_answers(records).items()}
    return read_estimates(records, metric) if metric == "test/rmse" else {}


def read_answers(records: Mapping[int, RunRecord]) -> dict[int, Answers]:
    """Read what each run said of the test samples, where they kept one class for each.

    Args:
        records: The runs by seed.

    Returns:
        Predicted and given classes, `(N,)`, by seed, of the runs that wrote them down.

    Raises:
        ValueError: A file of them is damaged.
    """
    return dict(_kept(records, "an answer", prediction=1, label=1))


def read_estimates(
    records: Mapping[int, RunRecord], metric: str
) -> dict[int, tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """Read what each run estimated of the test samples, where a metric is the error of that.

    Args:
        records: The runs by seed.
        metric: Name of a figure that may be a root mean square error.

    Returns:
        Squared error of each sample, the mean over its numbers, `(N,)`, and what was true,
        `(N, D)`, by seed, of the runs whose figure these errors give.

    Raises:
        ValueError: A file of them is damaged.
    """
    found = {}
    for seed, parts in _kept(records, "an estimate", prediction=2, target=2):
        said, true = (part.astype(np.float64) for part in parts)
        error = np.square(said - true).mean(axis=1)
        told = records[seed].metrics.get(metric) or math.nan
        if math.isclose(math.sqrt(error.mean()), told, rel_tol=_ROUNDING):
            found[seed] = error, true
    return found


def _kept(
    records: Mapping[int, RunRecord], what: str, **dimensions: int
) -> Iterator[tuple[int, tuple[npt.NDArray[Any], npt.NDArray[Any]]]]:
    """Read two arrays of equal shape of each run that wrote them down."""
    for seed, record in records.items():
        file = record.run.log_dir / "predictions.npz"
        if not file.is_file():
            continue
        with suppress(OtherArraysError):  # a task may keep what it likes of its test
            said, true = read_arrays(file, **dimensions)
            if said.shape != true.shape:
                raise ValueError(f"{file} is damaged: not every sample has {what}")
            yield seed, (said, true)
