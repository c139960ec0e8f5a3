"""Networks that each leave out a fold of the training split."""

import logging
import math
from dataclasses import dataclass
from types import SimpleNamespace as Fake
from typing import Any

import pytest
import torch
from lightning.fabric.plugins.environments import LightningEnvironment

from src.engine.checkpoints.trained import Trained
from src.engine.exact.step_seed import StepSeed
from src.evaluation.classification.cross_training import _KEPT, CrossTraining
from src.evaluation.classification.trained_classifier import TrainedClassifier
from tests.conftest import Train


@pytest.fixture
def run(finished: Train) -> TrainedClassifier:
    finished("--trainer.max_epochs=1")
    return TrainedClassifier.of(Trained.load("last"), "label_errors")


def test_answers_are_probabilities_and_repeat(run: TrainedClassifier, monkeypatch) -> None:
    first, again = (CrossTraining(run, 2).run() for _ in range(2))
    assert torch.equal(first.probability, again.probability)
    assert torch.allclose(first.probability.sum(dim=1), torch.ones(220))
    assert first.fold.bincount().tolist() == [110, 110]


def test_no_network_sees_its_fold(run: TrainedClassifier, monkeypatch) -> None:
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


def test_network_of_a_fold_is_trained_as_the_run_was(monkeypatch) -> None:
    made, seeded, level = [], [], []
    logger = logging.getLogger("lightning.pytorch")
    before = logger.level

    def trainer(**options: Any) -> Fake:
        made.append(options)

        def fit(task: Any, datamodule: Any) -> None:
            level.append((task, datamodule, logger.level))

        device, connector = Fake(root_device="device"), Fake()
        return Fake(fit=fit, strategy=device, _checkpoint_connector=connector)

    of = "src.evaluation.classification.cross_training"
    monkeypatch.setattr(f"{of}.Trainer", trainer)
    monkeypatch.setattr(f"{of}.build", lambda config: ("task", None))
    monkeypatch.setattr(f"{of}.seed_everything", lambda seed, **more: seeded.append((seed, more)))
    given = dict.fromkeys(_KEPT) | {"max_epochs": 3, "max_steps": 0, "logger": True, "devices": 4}
    config = Fake(content={"seed_everything": 5, "trainer": given})
    cross = object.__new__(CrossTraining)
    cross.trained = Fake(config=config, data=Fake(trainer="a trainer"))
    assert cross._train() == ("task", "device")
    assert cross.trained.data.trainer is None
    assert (seeded, level) == (
        [(5, {"workers": True, "verbose": False})],
        [("task", cross.trained.data, logging.WARNING)],
    )
    (options,) = made
    assert [type(callback) for callback in options.pop("callbacks")] == [StepSeed]
    assert isinstance(options.pop("plugins"), LightningEnvironment)  # one process on a cluster, too
    off = ("logger", "enable_checkpointing", "enable_model_summary", "enable_progress_bar")
    kept = {"max_epochs": 3, "max_steps": 0, "devices": 1}
    none = {"limit_val_batches": 0, "num_sanity_val_steps": 0}
    assert options == kept | none | dict.fromkeys(off, False)
    assert logger.level == before


def crossing(answers: list[list[float]], weights: str = "") -> CrossTraining:
    """Three images in two folds, with a stand-in for the training; image 1 is alone in its fold."""
    data = Fake(splits={"train": Labelled()}, prepare_data=lambda: None, setup=lambda _: None)
    batch = Fake(image=torch.zeros(1))
    trained = Answered(data, {"provenance": [{"inputs": {"weights": weights}}]}, batch)
    cross = CrossTraining(trained, 2)
    cross.fold = torch.tensor([0, 1, 0])
    said = iter(answers)
    cross._train = lambda: (TaskOf(said), torch.device("cpu"))
    return cross


class Labelled:
    """Three labelled images."""

    image, label = torch.zeros(3, 1, 1, 1), torch.tensor([0, 1, 1])

    def __getitem__(self, index: int) -> None:
        """Nothing is asked for."""


class TaskOf(torch.nn.Module):
    """Says what it is told to say."""

    def __init__(self, said: Any) -> None:
        super().__init__()
        self.said = said

    def forward(self, _: torch.Tensor) -> torch.Tensor:
        assert not self.training
        return torch.tensor(next(self.said))


@dataclass
class Answered:
    """A run whose split `unseen` is one batch."""

    data: Any
    checkpoint: dict
    batch: Any
    task: Any = None

    def batches(self, split: str, device: torch.device) -> list[Any]:
        assert (split, device.type) == ("unseen", "cpu")
        return [self.batch]


def test_answers_are_in_the_order_of_the_images(capsys) -> None:
    cross = crossing([[[9.0, 0.0], [5.0, 0.0]], [[0.0, 0.0]]], weights="w.pt")
    splits = cross.trained.data.splits
    unseen = cross.run()
    assert unseen.probability[:, 0].tolist() == pytest.approx([0.999877, 0.5, 0.993307], abs=1e-6)
    assert (unseen.label.tolist(), unseen.fold.tolist()) == ([0, 1, 1], [0, 1, 0])
    assert (cross.trained.data.splits, cross.trained.data.trainer) == (splits, None)
    lines = capsys.readouterr().err.splitlines()
    elsewhere = "the run began with weights from elsewhere; the networks of the folds do not"
    assert lines[0] == f"note: {elsewhere}"
    assert lines[1].startswith("note: fold 1 of 2: 50.00% of 2 unseen images right, ")
    assert lines[2].startswith("note: fold 2 of 2: 0.00% of 1 unseen images right, ")


def test_network_that_diverged_is_told_and_splits_come_back(capsys) -> None:
    cross = crossing([[[9.0, 0.0], [math.nan, 0.0]]])
    splits = cross.trained.data.splits
    with pytest.raises(FloatingPointError, match=r"^the network of fold 1 diverged$"):
        cross.run()
    assert cross.trained.data.splits is splits
    assert capsys.readouterr().err == ""


def test_data_set_that_forgets_its_parts_is_refused() -> None:
    cross = crossing([])
    cross._train = lambda: setattr(cross.trained.data, "splits", {}) or (None, None)
    with pytest.raises(ValueError, match="setup must keep the `splits` that are there"):
        cross.run()
