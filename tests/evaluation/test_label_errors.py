"""Ranking and showing suspected label errors."""

import sys

import pytest
import torch
from torch import Tensor

from src.evaluation.label_errors import LabelErrors, rank_label_errors, require_cleanlab

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
    first = lines[1].split(",")
    index = int(errors.index[0])
    assert first[:5] == [
        "1",
        str(index),
        str(index + 1000),
        "abc"[(index + 1) % 3],
        "abc"[index % 3],
    ]


def test_unknown_official_position_is_empty() -> None:
    lines = LabelErrors(*answers(), names="abc").csv().decode().splitlines()
    assert [line.split(",")[2] for line in lines[1:]] == ["", "", ""]


def test_gallery_has_so_many_images() -> None:
    figure = LabelErrors(*answers(), names="abc").draw(
        torch.zeros(90, 1, 28, 28, dtype=torch.uint8), 2
    )
    titles = [text.get_text() for text in figure.axes[0].texts]
    assert len(titles) == 2
    assert all(title.startswith("given ") for title in titles)


def test_nothing_suspected_is_shown_too() -> None:
    errors = LabelErrors(answers()[0], torch.arange(90) % 3, "abc")
    errors.draw(torch.zeros(90, 1, 28, 28, dtype=torch.uint8), 48)
    assert errors.csv().count(b"\n") == 1
    assert errors.table().count("\n") == 0


def test_missing_cleanlab_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    with pytest.raises(ValueError, match=r'pip install -e "\.\[labels\]"'):
        require_cleanlab()
