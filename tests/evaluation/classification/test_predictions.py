"""What a network says of each image."""

import io

import numpy as np
import torch

from src.batch import Batch
from src.evaluation.classification.predictions import (
    Predictions,
    archive,
    confident_mistakes,
    predict,
)

LOGITS = torch.tensor([[3.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 4.0]])


def test_answers_are_in_order_of_images() -> None:
    images = torch.arange(12.0).view(6, 2)
    batches = [Batch(images[:4], torch.arange(4)), Batch(images[4:], torch.arange(4, 6))]
    answers = predict(torch.nn.Identity(), batches)
    assert torch.equal(answers.logits, images)
    assert answers.label.tolist() == [0, 1, 2, 3, 4, 5]


def test_temperature_divides_the_logits() -> None:
    answers = Predictions(LOGITS, torch.zeros(4).long(), temperature=2.0)
    assert torch.allclose(answers.probability, (LOGITS / 2).softmax(dim=1))
    assert answers.prediction.tolist() == [0, 0, 1, 1]


def test_most_confident_mistake_is_first() -> None:
    answers = Predictions(LOGITS, torch.tensor([0, 1, 0, 0]))
    assert confident_mistakes(answers).tolist() == [3, 1, 2]


def test_archive_gives_everything_back() -> None:
    answers = Predictions(LOGITS, torch.tensor([0, 1, 0, 0]), temperature=0.5)
    saved = np.load(io.BytesIO(archive(answers, mistake=torch.tensor([3]))))
    assert saved["temperature"] == 0.5
    assert saved["mistake"].tolist() == [3]
    for name in ("logits", "label", "prediction", "probability"):
        assert np.array_equal(saved[name], getattr(answers, name).numpy())
