"""Pictures of an evaluation."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

from src.evaluation.figures import (
    draw_confusion,
    draw_gallery,
    draw_precision_recall,
    draw_reliability,
)
from src.evaluation.measures import reliability
from src.evaluation.picture import pixels
from tests.evaluation.test_measures import answers

NAMES = list("0123456789")


def test_confusion_writes_every_count() -> None:
    counts = np.diag([7, 8, 9])
    counts[0, 2] = 5
    (axes,) = draw_confusion(counts.tolist(), ["a", "b", "c"]).axes
    assert sorted(text.get_text() for text in axes.texts) == ["5", "7", "8", "9"]
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["a", "b", "c"]
    places = {text.get_text(): (*text.get_position(), text.get_color()) for text in axes.texts}
    assert places["5"] == (2, 0, "white")  # column and row, on the darkest field
    assert places["8"] == (1, 1, "tab:green")
    assert axes.images[0].get_array().tolist() == [[0, 0, 5], [0, 0, 0], [0, 0, 0]]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("prediction", "label")


def test_reliability_shows_both_calibrations() -> None:
    upper, lower = draw_reliability(answers(2.0)).axes
    names = [text.get_text() for text in upper.get_legend().get_texts()]
    assert names == ["calibrated perfectly", "the network's logits", "temperature 2.00"]
    assert len(lower.patches) == 2
    assert (upper.get_ylabel(), lower.get_xlabel()) == ("accuracy", "confidence")
    confidence, accuracy, count = reliability(answers().probability, answers().label)
    points = upper.collections[0].get_offsets().data
    assert points == pytest.approx(np.stack([confidence, accuracy], axis=1)[count > 0])
    assert lower.patches[0].get_data().values.tolist() == count.tolist()


def test_each_class_has_its_curve() -> None:
    (axes,) = draw_precision_recall(answers(), NAMES).axes
    assert len(axes.lines) == 10
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("recall", "precision")
    right = (answers().label == 3).numpy()
    mean = average_precision_score(right, answers().probability[:, 3])
    assert axes.get_legend().get_texts()[3].get_text() == f"3: {mean:.4f}"
    assert (np.diff(axes.lines[3].get_xdata()) <= 0).all()  # recall falls with the threshold


def test_gallery_shows_each_image_once() -> None:
    image = torch.zeros(11, 1, 28, 28, dtype=torch.uint8)
    (axes,) = draw_gallery(image, [f"image {n}" for n in range(11)]).axes
    assert len(axes.images) == len(axes.texts) == 11


def test_gallery_of_nothing_is_empty() -> None:
    (axes,) = draw_gallery(torch.zeros(0, 1, 28, 28, dtype=torch.uint8), []).axes
    assert not axes.images


def test_gallery_takes_colour() -> None:
    image = torch.full((1, 3, 8, 8), 255, dtype=torch.uint8)
    image[:, 1:] = 0
    drawn = pixels(draw_gallery(image, ["red"])).reshape(-1, 3)
    assert [255, 0, 0] in drawn.tolist()
