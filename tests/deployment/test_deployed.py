"""What files of a trained network say, and what is refused."""

import json
from pathlib import Path
from types import SimpleNamespace as Fake
from typing import Any

import pytest
import torch
from torch import nn

from src.deployment.classifier import Classifier
from src.deployment.convert import export_program
from src.deployment.deployed import deployed_classifier, deployed_task
from src.deployment.formats import Exporter
from src.tasks import LanguageModelTask, RegressionTask, SegmentationTask


def trained(task: Any, data: Any, **told: object) -> Any:
    found = {"kind": task.kind, "path": Path("x.ckpt"), "restore_data": lambda: None}
    return Fake(task=task.eval(), data=data, **found | told)


class Batches:
    """A data set whose inputs the network gets as they are."""

    def __init__(self, *inputs: torch.Tensor) -> None:
        self.inputs = inputs

    def prepare_data(self) -> None:
        self.prepared = True

    def setup(self, stage: str) -> None:
        assert (self.prepared, stage) == (True, "test")

    def test_dataloader(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        return [(each, torch.zeros(len(each), 1)) for each in self.inputs]

    def on_after_batch_transfer(self, batch: Any, _: int) -> Any:
        return batch[0] + 1, batch[1]


def described(*numbers: Any, calibrated: bool = True) -> dict[str, Any]:
    classifier = Classifier(nn.Flatten(), *numbers)
    found = deployed_classifier(classifier, torch.rand(1, 1, 4, 4), ["cat"], calibrated)
    return {name: json.loads(text) for name, text in found.about.items()}


def test_description_of_a_classifier_holds_each_channel() -> None:
    assert described((0.5, 0.25), (1.0, 2.0), 1.5) == {
        "mean": [0.5, 0.25],
        "std": [1.0, 2.0],
        "temperature": 1.5,
        "calibrated": True,
        "class_names": ["cat"],
        "image_shape": [1, 4, 4],
    }


def test_numbers_of_a_description_are_rounded() -> None:
    about = described(0.1307, 1 / 3, calibrated=False)
    assert (about["mean"], about["std"]) == ([0.1307], [0.3333333])
    assert (about["calibrated"], about["temperature"]) == (False, 1.0)


def test_inputs_are_what_the_network_gets_where_there_are_no_pixels() -> None:
    task = RegressionTask(nn.Linear(2, 1), target_mean=3.0, target_std=2.0)
    found = deployed_task(trained(task, Batches(torch.zeros(700, 2), torch.ones(700, 2))))
    assert (found.input, len(found.sample)) == ("input", 1000)
    assert found.sample[[0, -1]].tolist() == [[1, 1], [2, 2]]
    assert found.weights["input"] == "input: as the data set gives it, (B, ...), float32"
    assert json.loads(found.about["target_std"]) == [2]
    (estimates,) = found.model(found.sample)
    torch.testing.assert_close(estimates, task.network(found.sample) * 2 + 3)
    assert Exporter(found).onnx()[1] < 1e-4


def test_pixels_are_normalised_in_the_file() -> None:
    data = Batches()
    data.mean, data.std = 0.5, (0.25,)
    data.splits = {"test": Fake(image=torch.full((3, 1, 8, 8), 255, dtype=torch.uint8))}
    task = SegmentationTask(nn.Conv2d(1, 2, 3, padding=1), 2)
    found = deployed_task(trained(task, data))
    assert (found.input, found.sample.unique().tolist()) == ("image", [1])
    logits, probabilities = found.model(found.sample)
    torch.testing.assert_close(logits, task.network(torch.full((3, 1, 8, 8), 2.0)))
    torch.testing.assert_close(probabilities, logits.softmax(1))


class OfFourTokens(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.randn(4, 3))
        self.token = nn.Embedding(5, 3)

    def forward(self, token: torch.Tensor) -> torch.Tensor:
        return self.token(token) + self.place


def test_text_of_one_length_is_exported_for_that_alone() -> None:
    given = trained(LanguageModelTask(OfFourTokens()), Batches(torch.ones(6, 4).long()))
    found = deployed_task(given)
    program = export_program(found).module()
    torch.testing.assert_close(program(found.sample)[0], found.model(found.sample)[0])
    assert Exporter(found).onnx()[1] < 1e-4


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"kind": ""}, "x.ckpt holds RegressionTask, which publishes no kind of task; python -m"),
        ({"kind": "counting"}, 'RegressionTask, which is of the kind "counting"; python -m'),
        ({"data": None}, "RegressionTask has its own loaders: files are compared on the test"),
        ({"task": nn.Identity()}, "Identity, which has no `network`; python -m"),
    ],
)
def test_what_cannot_be_exported_is_refused(told: dict[str, Any], reason: str) -> None:
    given = trained(RegressionTask(nn.Linear(2, 1)), Batches(torch.zeros(2, 2)))
    with pytest.raises(ValueError, match=reason):
        deployed_task(Fake(**vars(given) | told))
