"""What runs said of the test samples."""

from collections.abc import Mapping
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from src.engine.files.arrays import OtherArraysError, read_arrays
from src.engine.records.run_record import RunRecord

Answers = tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]


def read_answers(records: Mapping[int, RunRecord]) -> dict[int, Answers]:
    """Read what each run said of the test samples, where they kept one class for each.

    Args:
        records: The runs by seed.

    Returns:
        Predicted and given classes, `(N,)`, by seed, of the runs that wrote them down.

    Raises:
        ValueError: A file of them is damaged.
    """
    found = {}
    for seed, record in records.items():
        file = record.run.log_dir / "predictions.npz"
        if not file.is_file():
            continue
        with suppress(OtherArraysError):  # a task may keep what it likes of its test
            said, label = read_arrays(file, prediction=1, label=1)
            if len(said) != len(label):
                raise ValueError(f"{file} is damaged: not every sample has an answer")
            found[seed] = said, label
    return found
