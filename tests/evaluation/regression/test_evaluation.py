"""What an evaluation adds for a regression."""

from types import SimpleNamespace as Fake

import numpy as np
import pytest
import torch
from torch import nn

from src.evaluation.gallery import draw_gallery
from src.evaluation.regression.evaluation import evaluate
from src.evaluation.wing import Split


def split(prediction: torch.Tensor, target: torch.Tensor, data: object = None) -> Split:
    outputs = {"prediction": prediction, "target": target}
    return Split("test", outputs, nn.Identity(), data)


def test_each_number_has_its_rows_and_pictures() -> None:
    target = torch.arange(40.0).view(20, 2)
    found = evaluate(split(target + 1, target, Fake(target_names=["x", "y"], target_unit="m")))
    assert found.rows["RMSE of x"].startswith("1.0000 m")
    assert found.values["y"]["mae"]["value"] == 1
    assert [*found.pictures] == ["parity", "residuals", "parity_1", "residuals_1"]
    assert "R2" in evaluate(split(target[:, 0], target[:, 0])).rows


def test_worst_images_come_first(monkeypatch) -> None:
    shown = []
    draw = "src.evaluation.regression.evaluation.draw_gallery"
    monkeypatch.setattr(draw, lambda *given: shown.append(given) or draw_gallery(*given))
    image = torch.arange(4, dtype=torch.uint8).view(4, 1, 1, 1).expand(4, 1, 8, 8)
    data = Fake(splits={"test": Fake(image=image)})
    found = evaluate(split(torch.tensor([0.0, 3.0, -5.0, 1.0]), torch.zeros(4), data))
    assert found.pictures["worst"].dtype == np.uint8
    ((images, titles, _),) = shown
    assert images[:, 0, 0, 0].tolist() == [2, 1, 3, 0]
    assert titles[0] == "-5\ntrue 0"


@pytest.mark.parametrize(
    ("prediction", "target"),
    [
        (torch.ones(3, 1), torch.ones(3, 2)),
        (torch.tensor([float("nan")] * 3), torch.ones(3)),
        (torch.ones(3, 2, 2), torch.ones(3, 2, 2)),
    ],
)
def test_what_are_no_numbers_is_refused(prediction, target) -> None:
    with pytest.raises(ValueError, match="its predictions"):
        evaluate(split(prediction, target))
