"""Ranking and showing suspected label errors."""

import sys

import pytest
import torch
from torch import Tensor

from src.evaluation.classification.label_errors import (
    LabelErrors,
    rank_label_errors,
    require_cleanlab,
)

WRONG = [7, 31, 64]


def answers() -> tuple[Tensor, Tensor]:
    """Say the truth of 90 images, sure of it; three have another label."""
    truth = torch.arange(90) % 3
    probability = 0.01 + 0.97 * torch.nn.functional.one_hot(truth, 3)
    probability[31] = torch.tensor([0.015, 0.98, 0.005])
    label = truth.clone()
    label[WRONG] = (label[WRONG] + 1) % 3
    return probability, label


def test_wrong_labels_are_found_ranked() -> None:
    probability, label = answers()
    found = rank_label_errors(probability, label)
    given = probability[found, label[found]]
    assert sorted(found.tolist()) == WRONG
    assert found[0] == 31
    assert given.tolist() == sorted(given.tolist())


def test_right_labels_are_not_suspected() -> None:
    probability, _ = answers()
    assert rank_label_errors(probability, torch.arange(90) % 3).tolist() == []


def test_ranking_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    rank_label_errors(*answers())
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_csv_names_both_positions() -> None:
    errors = LabelErrors(*answers(), names="abc")
    lines = errors.csv(torch.arange(90) + 1000).decode().splitlines()
    assert lines[0] == "rank,index,official_index,given,suggested,probability"
    assert lines[1:] == [
        "1,31,1031,c,b,0.005000",
        "2,7,1007,c,b,0.010000",
        "3,64,1064,c,b,0.010000",
    ]


def test_unknown_official_position_is_empty() -> None:
    lines = LabelErrors(*answers(), names="abc").csv().decode().splitlines()
    assert [line.split(",")[2] for line in lines[1:]] == ["", "", ""]


def test_files_are_named_where_there_is_one_for_each_image() -> None:
    errors = LabelErrors(*answers(), names="abc", files=[f"{n}.jpg" for n in range(90)])
    lines = errors.csv().decode().splitlines()
    assert (lines[0][-5:], lines[1]) == (",file", "1,31,,c,b,0.005000,31.jpg")
    assert errors.table().splitlines()[1].endswith("31.jpg")


def test_gallery_has_so_many_images() -> None:
    figure = LabelErrors(*answers(), names="abc").draw(
        torch.zeros(90, 1, 28, 28, dtype=torch.uint8), 2
    )
    titles = [text.get_text() for text in figure.axes[0].texts]
    assert titles == ["given c\nlooks like b, 0.00", "given c\nlooks like b, 0.01"]


def test_gallery_shows_the_suspected_images() -> None:
    image = torch.arange(90, dtype=torch.uint8).view(90, 1, 1, 1).expand(90, 1, 4, 4)
    figure = LabelErrors(*answers(), names="abc").draw(image, 2)
    assert [shown.get_array().max() for shown in figure.axes[0].images] == [31, 7]


@pytest.mark.parametrize("rows", [2, 3])
def test_table_has_the_most_suspicious_first(rows: int) -> None:
    errors = LabelErrors(*answers(), names=["a", "b", "a long name"])
    lines = errors.table(rows).splitlines()
    assert (
        lines
        == [
            "index  given        looks like  p(given)",
            "   31  a long name  b             0.0050",
            "    7  a long name  b             0.0100",
            "   64  a long name  b             0.0100",
        ][: rows + 1]
    )
    assert errors.png(torch.zeros(90, 1, 8, 8, dtype=torch.uint8), 1).startswith(b"\x89PNG")


def test_table_has_ten_rows() -> None:
    errors = LabelErrors(*answers(), names="abc")
    errors.index, errors._probability = torch.arange(12), [0.5] * 12
    errors._given = errors._suggested = ["a"] * 12
    assert len(errors.table().splitlines()) == 11


def test_nothing_suspected_is_shown_too() -> None:
    errors = LabelErrors(answers()[0], torch.arange(90) % 3, "abc")
    errors.draw(torch.zeros(90, 1, 28, 28, dtype=torch.uint8), 48)
    assert errors.csv().count(b"\n") == 1
    assert errors.table().count("\n") == 0


def test_missing_cleanlab_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    with pytest.raises(ValueError, match=r'pip install -e "\.\[labels\]"'):
        require_cleanlab()
