from types import SimpleNamespace as Fake

import pytest
import torch
from torch import nn

from src.evaluation.gallery import draw_gallery
from src.evaluation.multi_label.evaluation import evaluate
from src.evaluation.wing import Split

TARGET = torch.tensor([[True, False]] * 9 + [[True, True]] * 3)
IMAGE = torch.arange(12, dtype=torch.uint8).view(12, 1, 1, 1).expand(12, 1, 8, 8)
DATA = Fake(class_names=("cat", "dog"), splits={"test": Fake(image=IMAGE)})


def split(probability: torch.Tensor, target: torch.Tensor = TARGET, data: object = DATA) -> Split:
    return Split("test", {"probability": probability, "target": target}, nn.Identity(), data)


@pytest.fixture
def probability() -> torch.Tensor:
    """Give answers of which those to samples 4 and 11 are wrong, the second one more so."""
    found = torch.where(TARGET, 0.9, 0.1)
    found[4, 1], found[11, 1] = 0.6, 0.01
    return found


def test_classes_are_told_by_name_lowest_first(probability) -> None:
    found = evaluate(split(probability))
    assert found.rows["F1 by class"] == "dog 0.6667, cat 1.0000"
    assert found.rows["F1 (mean)"].startswith("0.8333, 95% interval 0.")
    assert found.rows["all right"] == "83.33% of 12 samples"
    assert found.values["classes"]["dog"]["precision"][0] == pytest.approx(2 / 3)
    assert [*evaluate(split(probability, data=None)).values["classes"]] == ["0", "1"]


def test_worst_samples_come_first(probability, monkeypatch) -> None:
    shown = []
    draw = "src.evaluation.multi_label.evaluation.draw_gallery"
    monkeypatch.setattr(draw, lambda *given: shown.append(given) or draw_gallery(*given))
    found = evaluate(split(probability))
    assert [each["index"] for each in found.values["worst"][:2]] == [11, 4]
    ((images, titles, _),) = shown
    assert images[:2, 0, 0, 0].tolist() == [11, 4]
    assert titles[:2] == ["cat\ntrue cat, dog", "cat, dog\ntrue cat"]
    assert [*found.pictures] == ["worst", "classes"]
    assert [*evaluate(split(probability, data=None)).pictures] == ["classes"]


def test_measure_that_is_not_known_has_no_number() -> None:
    found = evaluate(split(torch.zeros(12, 2)))
    assert found.rows["precision (mean)"] == "not known: a class is never found, or never there"
    assert found.values["mean"]["precision"] == (None, None, None)


@pytest.mark.parametrize("wrong", [torch.rand(12, 3), torch.full((12, 2), 1.5), torch.rand(12)])
def test_what_are_no_probabilities_is_refused(wrong: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="its probabilities"):
        evaluate(split(wrong))
