"""Errors of a regression."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from src.evaluation.regression.measures import measure


def test_measures_are_known_ones() -> None:
    generator = np.random.default_rng(0)
    target = generator.normal(5, 2, 2000)
    said = target + generator.normal(0.5, 1, 2000)
    found = measure(said, target)
    error = said - target
    assert found["rmse"].value == pytest.approx(np.sqrt((error**2).mean()))
    assert found["mae"].value == pytest.approx(np.abs(error).mean())
    assert found["r2"].value == pytest.approx(r2_score(target, said))
    bias, half = found["bias"], 1.96 * error.std() / np.sqrt(2000)
    assert (bias.low, bias.high) == pytest.approx(
        (bias.value - half, bias.value + half), abs=half / 8
    )
    assert found == measure(said, target)  # its chance is always the same


def test_few_samples_have_no_interval() -> None:
    found = measure(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    assert found["mae"].value == 0.5
    assert np.isnan([found["mae"].low, found["r2"].value]).all()
