import csv
import json
from io import StringIO

import torch
from torch import Tensor, nn
from typing_extensions import override

from src.deployment.numbers import FORMATS, Number, read_number


class Brightest(nn.Module):
    """Says which of two pixels is brighter."""

    @override
    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return image.flatten(1), image.flatten(1).softmax(1)


def number() -> Number:
    images = [torch.tensor([[levels]], dtype=torch.uint8) for levels in ([0, 255], [100, 0])]
    boxes = [(1, 2, 3, 4), (5, 6, 7, 8)]
    return read_number(Brightest(), "a.png", [*zip(images, boxes, strict=True)], "47")


def test_number_is_as_sure_as_its_least_sure_digit() -> None:
    made = number()
    least = torch.tensor([100 / 255, 0]).softmax(0)[0].item()
    assert (made.text, made.boxes) == ("74", [(1, 2, 3, 4), (5, 6, 7, 8)])
    assert abs(made.probability - least) < 1e-6


def test_table_has_a_line_for_each_picture() -> None:
    lines = FORMATS["table"]([number(), number()], {}).splitlines()
    assert [line.split() for line in lines] == [
        ["file", "number", "probability"],
        *[["a.png", "74", "0.5968"]] * 2,
    ]


def test_json_has_the_box_of_each_digit() -> None:
    first, second = json.loads(FORMATS["json"]([number()], {"b.png": "no digit"}))
    assert (first["file"], first["number"]) == ("a.png", "74")
    assert [(each["prediction"], each["box"]) for each in first["digits"]] == [
        *(("7", [1, 2, 3, 4]), ("4", [5, 6, 7, 8])),
    ]
    assert first["probability"] == first["digits"][1]["probability"]
    assert second == {"file": "b.png", "error": "no digit"}


def test_csv_has_a_row_for_each_digit() -> None:
    rows = [*csv.DictReader(StringIO(FORMATS["csv"]([number()], {"b.png": "no digit"})))]
    assert [(row["number"], row["place"], row["prediction"], row["left"]) for row in rows] == [
        *(("74", "1", "7", "1"), ("74", "2", "4", "5"), ("", "", "", "")),
    ]
    assert [row["error"] for row in rows] == ["", "", "no digit"]
    assert rows[2]["file"] == "b.png"
