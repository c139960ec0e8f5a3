"""How files are compared with the network that they came from."""

import io
import pickle

import pytest
import torch
from torch import nn

from src.deployment.classifier import Classifier
from src.deployment.verify import (
    answer_difference,
    read_pt,
    refuse_other_answers,
    weight_difference,
)


def test_largest_difference_is_found() -> None:
    classifier = Classifier(nn.Flatten(), 0.0, 1.0)

    def wrong(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits, probabilities = classifier(image)
        assert torch.is_inference_mode_enabled()
        return logits + 0.25 * (len(image) == 1) - 0.5 * larger * (len(image) == 3), probabilities

    larger = False
    assert answer_difference(classifier, wrong, torch.zeros(3, 1, 2, 2)) == 0.25
    larger = True
    assert answer_difference(classifier, wrong, torch.zeros(3, 1, 2, 2)) == 0.5


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
