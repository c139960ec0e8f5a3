import csv
import json
from io import StringIO

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from typing_extensions import override

from src.deployment.numbers import FORMATS, Number, Part, alone, chosen, read_number


class Brightest(nn.Module):
    """Says which of two pixels is brighter."""

    @override
    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return image.flatten(1), image.flatten(1).softmax(1)


def number() -> Number:
    images = [torch.tensor([[levels]], dtype=torch.uint8) for levels in ([0, 255], [100, 0])]
    boxes = [(1, 2, 3, 4), (5, 6, 7, 8)]
    marks = [[(0, 1, image, box)] for image, box in zip(images, boxes, strict=True)]
    return read_number(Brightest(), "a.png", marks, "47")


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


class Sure(nn.Module):
    """Takes a pixel for the odds of the first of two classes [logarithm, tenths]."""

    @override
    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        odds = image.flatten(1)[:, :1] * 255 / 10
        logits = torch.cat([odds, torch.zeros_like(odds)], dim=1)
        return logits, logits.softmax(1)


def parts(odds: dict[str, int], width: int) -> list[Part]:
    """Make the runs of pieces named by letters, the whole first; each piece is equally wide."""
    each = width // len(next(iter(odds)))
    found = []
    for name, tenths in odds.items():
        first, stop = ord(name[0]) - ord("a"), ord(name[-1]) - ord("a") + 1
        image = torch.full((1, 1, 1), tenths, dtype=torch.uint8)
        found.append((first, stop, image, (each * first, 0, each * stop, 100)))
    return found


def cut(odds: dict[str, int], width: int = 100) -> list[tuple[int, int]]:
    return [(first, stop) for first, stop, *_ in chosen(Sure(), parts(odds, width))]


@pytest.mark.parametrize(
    ("whole", "width", "digits"),
    [(20, 80, 2), (34, 80, 1), (20, 50, 2), (35, 100, 2), (45, 100, 1), (45, 140, 2)],
)
def test_mark_is_cut_where_the_parts_are_surer_or_it_is_wide(
    whole: int, width: int, digits: int
) -> None:
    assert len(cut({"ab": whole, "a": 50, "b": 60}, width)) == digits


def test_least_sure_part_decides_where_to_cut() -> None:
    odds = {"abc": 10, "ab": 50, "bc": 40, "a": 70, "b": 10, "c": 50}
    assert cut(odds) == [(0, 2), (2, 3)]


@pytest.mark.parametrize(("height", "digits"), [(49, 1), (50, 2)])
def test_no_low_part_is_cut_off(height: int, digits: int) -> None:
    whole, left, right = parts({"ab": 10, "a": 60, "b": 60}, 90)
    low = (*right[:3], (*right[3][:3], height))
    assert len(chosen(Sure(), [whole, left, low])) == digits


def test_third_part_must_pay() -> None:
    odds = {"abc": 0, "ab": 48, "bc": 0, "a": 60, "b": 60, "c": 60}
    assert cut(odds, 150) == [(0, 1), (1, 2), (2, 3)]
    assert cut(odds | {"ab": 53}, 150) == [(0, 2), (2, 3)]


def test_number_has_the_parts_of_a_mark() -> None:
    marks = [parts({"ab": 10, "a": 60, "b": 70}, 120), parts({"a": 50}, 40)]
    made = read_number(Sure(), "a.png", marks, "18")
    assert made.text == "111"
    assert made.boxes == [(0, 0, 60, 100), (60, 0, 120, 100), (0, 0, 40, 100)]


def test_picture_of_several_things_is_refused() -> None:
    whole = parts({"ab": 60, "a": 10, "b": 10}, 90)
    several = parts({"ab": 10, "a": 60, "b": 60}, 90)
    picture = Image.new("L", (1, 1))
    image = torch.ones(1, 1, 1, dtype=torch.uint8)
    assert alone(Sure(), lambda _: image, lambda _: whole)(picture).item() == 60
    with pytest.raises(ValueError, match=r"^more than one digit \(2 found\)$"):
        alone(Sure(), lambda _: image, lambda _: several)(picture)
    assert alone(Sure(), lambda _: image, None)(picture) is image


class Upright(nn.Module):
    """Is sure of a light left upper corner, and of what is light at all less."""

    @override
    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        odds = 6 * image[:, 0, 0, :1] + image[:, 0, 0, 1:]
        logits = torch.cat([odds, torch.zeros_like(odds)], dim=1)
        return logits, logits.softmax(1)


def test_turned_whole_is_no_number() -> None:
    whole, half = torch.zeros(1, 2, 2), torch.zeros(1, 2, 2)
    whole[0, 0, 1] = half[0, 0, 0] = 255
    both = [(0, 2, whole, (0, 0, 90, 100)), (0, 1, half, (0, 0, 45, 100))]
    both = [*both, (1, 2, half, (45, 0, 90, 100))]
    assert len(chosen(Upright(), both)) == 2
    assert len(chosen(Upright(), both, [90.0, -90.0])) == 1
