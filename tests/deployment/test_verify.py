"""How files are compared with the network that they came from."""

import io
import math
import pickle

import pytest
import torch
from torch import nn

from src.deployment.classifier import Classifier
from src.deployment.deployed import deployed_classifier
from src.deployment.verify import (
    answer_difference,
    read_pt,
    refuse_other_answers,
    weight_difference,
)


@pytest.mark.parametrize("size", [1, 3, 203])  # alone, in a small batch, in the last one of many
def test_largest_difference_is_found(size: int) -> None:
    classifier = Classifier(nn.Flatten(), 0.0, 1.0)
    given = deployed_classifier(classifier, torch.zeros(size, 1, 2, 2), "ab", True)

    def wrong(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits, probabilities = classifier(image)
        assert torch.is_inference_mode_enabled()
        return logits + 0.5 * (len(image) == size % 100), probabilities

    assert answer_difference(given, wrong) == 0.5
    assert answer_difference(given._replace(unit=torch.tensor(4.0)), wrong) == 0.125
    assert answer_difference(given, classifier) == 0


@pytest.mark.parametrize("place", [0, 1])
def test_difference_that_is_no_number_is_found_anywhere(place: int) -> None:
    given = deployed_classifier(
        Classifier(nn.Flatten(), 0.0, 1.0), torch.zeros(203, 1, 2, 2), "ab", True
    )

    def wrong(image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        answers = [*given.model(image)]
        answers[place] = answers[place] + (torch.nan if len(image) == 3 else 0)  # of the last ones
        return tuple(answers)

    assert math.isnan(answer_difference(given, wrong))


def test_pickled_code_is_not_run() -> None:
    buffer = io.BytesIO()
    torch.save(torch.nn.Linear(1, 1), buffer)
    with pytest.raises(pickle.UnpicklingError):
        read_pt(buffer.getvalue())


def test_other_weights_are_found() -> None:
    weight = {"a": torch.zeros(2)}
    assert weight_difference({"a": torch.zeros(2)}, weight) == 0
    for other in ({}, {"a": torch.ones(2)}, {"a": torch.zeros(2, dtype=torch.float64)}):
        assert weight_difference(other, weight) == float("inf")


@pytest.mark.parametrize("difference", [1e-4, float("inf"), float("nan")])
def test_other_answers_are_refused(difference: float) -> None:
    refuse_other_answers("model.onnx", 9e-5)
    with pytest.raises(ValueError, match=r"^model\.onnx was not written"):
        refuse_other_answers("model.onnx", difference)
