import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import (
    multilabel_f1_score,
    multilabel_precision,
    multilabel_recall,
)

from src.evaluation.multi_label.measures import measure


def drawn(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw what is there, and answers that are wrong about a tenth of it."""
    rng = np.random.default_rng(seed)
    given = rng.random((count, 3)) < (0.5, 0.3, 0.1)
    return given ^ (rng.random((count, 3)) < 0.1), given


def test_measures_are_those_of_torchmetrics() -> None:
    said, given = drawn(500)
    value, low, high = measure(said, given)
    parts = torch.from_numpy(said.astype(int)), torch.from_numpy(given.astype(int))
    expected = [
        [*each(*parts, num_labels=3, average="none"), each(*parts, num_labels=3)]
        for each in (multilabel_f1_score, multilabel_precision, multilabel_recall)
    ]
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    assert ((low < value) & (value < high)).all()


def test_interval_of_a_share_is_near_the_normal_one() -> None:
    said, given = drawn(5000)
    value, low, high = measure(said, given)
    recall, count = value[2, 0], given[:, 0].sum()
    half = 1.96 * np.sqrt(recall * (1 - recall) / count)
    assert high[2, 0] - recall == pytest.approx(half, rel=0.15)
    assert recall - low[2, 0] == pytest.approx(half, rel=0.15)


def test_bootstrap_covers_the_true_f1() -> None:
    truth = measure(*drawn(200_000, seed=99))[0, 0]
    inside = sum((low[0] <= truth) & (truth <= high[0]) for _, low, high in
                 (measure(*drawn(300, seed)) for seed in range(60)))  # fmt: skip
    assert (inside >= 51).all()  # of 60, in 95% of which it shall be; fewer with p < 0.002


def test_what_is_not_known_is_no_number() -> None:
    said, given = np.zeros((20, 2), bool), np.ones((20, 2), bool)
    given[:, 1] = False
    value, _, _ = measure(said, given)
    assert value[0].tolist() == [0, 0, 0]  # as the task counts F1
    assert np.isnan(value[1:]).tolist() == [[True, True, True], [False, True, True]]
    few = measure(said[:9], given[:9])
    assert np.isnan(few[1:]).all()
    assert few[0, 0, 0] == 0
