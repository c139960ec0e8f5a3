"""What runs said of the test samples."""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from src.engine.files.arrays import OtherArraysError, read_arrays
from src.engine.records.run_record import RunRecord
from src.statistics.images import Answers, Figure, Numbers, Rows, mean

_ROUNDING = 1e-3  # of a figure that was added up in 32 bits, from losses that are kept in 16


class Kept(NamedTuple):
    """How a metric is made of what runs keep of each test sample in `predictions.npz`.

    Attributes:
        arrays: Names of the arrays, the last of which says what was true, with the number of their
            dimensions; all are of one shape.
        rows: Makes of them the numbers of each sample, `(N, P)` or `(N,)`.
        figure: Makes the metric of the mean of these.
    """

    arrays: Mapping[str, int]
    rows: Callable[..., Rows]
    figure: Figure


def _f1(means: Numbers) -> Numbers:
    both, either = np.split(means, 2, axis=-1)
    found: Numbers = np.where(either > 0, 2 * both / either, 0).mean(axis=-1)
    return found


def _iou(means: Numbers) -> Numbers:
    common, either = np.split(means, 2, axis=-1)
    occurs = either > 0
    found: Numbers = np.where(occurs, common / either, 0).sum(axis=-1) / occurs.sum(axis=-1)
    return found


_ESTIMATES = {"prediction": 2, "target": 2}
_SEVERAL = {"probability": 2, "target": 2}
_MASKS = {"intersection": 2, "union": 2, "pixels": 2}
_TOKENS = {"token_loss": 2, "token": 2}


def _each_loss(loss: Rows, _: Rows) -> Numbers:
    found: Numbers = loss.mean(axis=1, dtype=np.float64)
    return found


# Metrics that are compared sample by sample. A task of another kind adds a line; it is used for
# runs whose samples give the figure that they logged.
METRICS: dict[str, tuple[Kept, ...]] = {
    "test/acc": (
        Kept({"prediction": 1, "label": 1}, lambda said, true: said == true, mean),
        Kept(_SEVERAL, lambda said, true: ((said > 1 / 2) == (true > 0)).mean(axis=1), mean),
    ),
    "test/f1": (Kept(_SEVERAL, lambda said, true: _overlap(said > 1 / 2, true > 0), _f1),),
    "test/rmse": (
        Kept(
            _ESTIMATES,
            lambda said, true: np.square(said - true).mean(axis=1),
            lambda means: np.sqrt(means[..., 0]),
        ),
    ),
    "test/mae": (Kept(_ESTIMATES, lambda said, true: np.abs(said - true).mean(axis=1), mean),),
    "test/miou": (
        Kept(_MASKS, lambda common, either, _: np.concatenate([common, either], axis=1), _iou),
    ),
    "test/perplexity": (Kept(_TOKENS, _each_loss, lambda means: np.exp(means[..., 0])),),
    "test/bits": (Kept(_TOKENS, _each_loss, lambda means: means[..., 0] / math.log(2)),),
}


def read_answers(records: Mapping[int, RunRecord], metric: str) -> dict[int, Answers]:
    """Read how good the answer of each run to each test sample is, where a metric is made of that.

    Args:
        records: The runs by seed.
        metric: Name of the figure that is compared.

    Returns:
        Answers by seed, of the runs that wrote down of what their figure is made.

    Raises:
        ValueError: A file is damaged.
    """
    found = {}
    for seed, record in records.items():
        for kept in METRICS.get(metric, ()):
            answers = _read(record, kept)
            told = record.metrics.get(metric)
            if (
                answers
                and told is not None
                and math.isclose(_figure(answers), told, rel_tol=_ROUNDING)
            ):
                found[seed] = answers
                break
    return found


def _read(record: RunRecord, kept: Kept) -> Answers | None:
    file = record.run.log_dir / "predictions.npz"
    if not file.is_file():
        return None
    try:
        parts = read_arrays(file, **kept.arrays)
    except OtherArraysError:  # a task may keep what it likes of its test
        return None
    if len({part.shape for part in parts}) > 1:
        raise ValueError(f"{file} is damaged: not every sample has an answer")
    wide = [part.astype(np.float64) if part.dtype.kind == "f" else part for part in parts]
    rows = kept.rows(*wide)
    return Answers(rows.reshape(len(rows), -1), parts[-1], kept.figure)


def _figure(answers: Answers) -> float:
    with np.errstate(all="ignore"):
        return float(answers.figure(answers.rows.mean(axis=0)))


def _overlap(said: Rows, true: Rows) -> Numbers:
    """Give what F1 is made of: of each class, whether both say it and how many of the two do."""
    both, either = said & true, said.astype(np.float64) + true
    return np.concatenate([both, either], axis=1)
