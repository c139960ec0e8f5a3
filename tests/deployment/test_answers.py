import csv
import json

import pytest
import torch
from torch import Tensor

from src.deployment.answers import FORMATS, Answer, as_csv, as_json, as_table, classify

CLASSES = ("cat", "dog", "eel")
ANSWERS = [
    Answer('a, "b".png', {"cat": 0.125, "dog": 0.75, "eel": 0.125}),
    Answer("c.png", {"cat": 0.5, "dog": 0.0, "eel": 0.5}),
]


class Echo(torch.nn.Module):
    """Takes three pixels for the probabilities."""

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        assert torch.is_inference_mode_enabled()
        return image, image.flatten(1)


def test_pixels_become_answers() -> None:
    image = torch.tensor([[[0, 51, 204]]], dtype=torch.uint8)
    [answer] = classify(Echo(), [("x", image)], CLASSES)
    assert answer.file == "x"
    assert answer.probabilities == pytest.approx({"cat": 0, "dog": 0.2, "eel": 0.8})
    assert (answer.prediction, answer.probability) == ("eel", pytest.approx(0.8))


def test_no_picture_gives_no_answer() -> None:
    assert classify(Echo(), [], CLASSES) == []


def test_first_class_wins_a_draw() -> None:
    assert [answer.prediction for answer in ANSWERS] == ["dog", "cat"]


def test_table_is_aligned() -> None:
    assert as_table(ANSWERS).splitlines() == [
        "file        prediction  probability  second  probability",
        'a, "b".png  dog         0.7500       cat     0.1250',
        "c.png       cat         0.5000       eel     0.5000",
    ]


def test_single_class_has_no_second() -> None:
    assert as_table([Answer("a", {"cat\n": 1.0})]).splitlines() == [
        "file  prediction  probability  second  probability",
        r"a     cat\n       1.0000               0.0000",
    ]


def test_json_holds_every_probability() -> None:
    assert as_json(ANSWERS).startswith('[\n  {\n    "file": "a,')
    first, second = json.loads(as_json(ANSWERS))
    assert first == {
        "file": 'a, "b".png',
        "prediction": "dog",
        "probability": 0.75,
        "probabilities": {"cat": 0.125, "dog": 0.75, "eel": 0.125},
    }
    assert second["file"] == "c.png"


def test_csv_has_a_column_a_class() -> None:
    assert as_csv(ANSWERS, CLASSES).split("\n")[2:] == ["c.png,cat,0.5,0.5,0.0,0.5,"]
    header, first, _ = csv.reader(as_csv(ANSWERS, CLASSES).splitlines())
    assert header == ["file", "prediction", "probability", "cat", "dog", "eel", "error"]
    assert first == ['a, "b".png', "dog", "0.75", "0.125", "0.75", "0.125", ""]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_takes_nothing(name: str) -> None:
    assert isinstance(FORMATS[name]([], CLASSES, {}), str)
    expected = {"table": as_table(ANSWERS), "json": as_json(ANSWERS)}
    assert FORMATS[name](ANSWERS, CLASSES, {}) == expected.get(name, as_csv(ANSWERS, CLASSES))


def test_reasons_follow_the_answers() -> None:
    refused = {"d.png": "no digit"}
    said = json.loads(as_json(ANSWERS, refused))
    assert said[2:] == [{"file": "d.png", "error": "no digit"}]
    assert as_csv(ANSWERS, CLASSES, refused).split("\n")[3:] == ["d.png,,,,,,no digit"]


@pytest.mark.parametrize(("sure", "said"), [(0.94, "a"), (0.96, "b")])  # odds of 16 and 24
def test_turned_picture_is_believed_at_twenty_times_the_odds(sure: float, said: str) -> None:
    says = iter([[0.5, 0.5], [1 - sure, sure]])
    seen = []

    def classifier(image: Tensor) -> tuple[Tensor, Tensor]:
        seen.append(image)
        return image, torch.tensor([next(says)])

    image = torch.zeros(1, 3, 3, dtype=torch.uint8)
    image[0, 0, 1] = 255  # above the middle
    (answer,) = classify(classifier, [("x", image)], "ab", (90.0,))
    assert answer.prediction == said
    assert answer.probability == pytest.approx({"a": 0.5, "b": (0.5 + sure) / 2}[said])
    assert [view[0, 0].argmax().item() for view in seen] == [1, 3]
