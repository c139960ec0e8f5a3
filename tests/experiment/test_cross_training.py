"""Networks that each leave out a fold of the training split."""

from typing import Any

import pytest
import torch

from src.experiment.cross_training import CrossTraining
from src.experiment.trained import Trained
from tests.conftest import Train


@pytest.fixture
def run(finished: Train) -> Trained:
    finished("--trainer.max_epochs=1")
    return Trained.load("last")


def test_answers_are_probabilities_and_repeat(run: Trained, monkeypatch) -> None:
    first, again = (CrossTraining(run, 2).run() for _ in range(2))
    assert torch.equal(first.probability, again.probability)
    assert torch.allclose(first.probability.sum(dim=1), torch.ones(220))
    assert first.fold.bincount().tolist() == [110, 110]


def test_no_network_sees_its_fold(run: Trained, monkeypatch) -> None:
    cross, seen = CrossTraining(run, 3), []
    fit = CrossTraining._train

    def watched(self: CrossTraining) -> Any:
        seen.append(run.data.splits)
        return fit(self)

    monkeypatch.setattr(CrossTraining, "_train", watched)
    cross.run()
    for splits in seen:
        train_index, unseen = (set(part.index.tolist()) for part in splits.values())
        assert not train_index & unseen
        assert train_index | unseen == set(range(220))
    assert set(run.data.splits) == {"train", "val", "test"}
