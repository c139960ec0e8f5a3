"""`python -m src.compare` as a user types it."""

import json
from pathlib import Path

import pytest

from src.compare import main
from tests.conftest import Train
from tests.test_train import refusal_of

BAD = ["--trainer.max_epochs=1", "--model.optimizer.lr=0.00001", "--group=bad"]
GOOD = ["--trainer.max_epochs=1", "--group=good"]


def test_better_group_is_found_and_drawn(train: Train, capsys) -> None:
    for seed in (1, 2, 3):
        train(*BAD, f"--seed_everything={seed}")
        train(*GOOD, f"--seed_everything={seed}")
    capsys.readouterr()
    main(["bad", "good"])
    text = capsys.readouterr().out
    assert "good is better by" in text
    assert "n = 3 pairs" in text
    assert "For these very networks, good minus bad on images of this kind" in text
    assert "looks          6 looks at 6 networks of 2 configurations here" in text
    assert Path("compare.png").read_bytes().startswith(b"\x89PNG")
    main(["bad", "good", "--format=json"])
    content = json.loads(capsys.readouterr().out)
    (found,) = content["comparisons"]
    assert found["distinguishable"]
    assert found["sentence"].startswith("good is better by")
    assert content["groups"][0]["runs"].keys() == {"1", "2", "3"}


def test_runs_are_compared_image_by_image(train: Train, capsys) -> None:
    train(*BAD)
    train(*GOOD)
    capsys.readouterr()
    main(["version_0", "version_1", "--out=x.png"])
    text = capsys.readouterr().out
    assert "from single runs: that says nothing of the configurations" in text
    assert "McNemar's p < 0.0001" in text
    main(["version_0", "version_1", "--metric=fit_s", "--format=json"])
    content = json.loads(capsys.readouterr().out)
    assert content["comparisons"][0]["images"] is None
    assert content["comparisons"][0]["p"] is None


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["version_0"], "give two groups or runs"),
        (["version_0", "version_0"], "given twice"),
        (["version_0", "nothing"], "nothing is no"),
        (["version_0", "good", "--metric=x"], "has no x; it has"),
        (["version_0", "version_0", "--difference=0"], "--difference must be above 0"),
    ],
)
def test_wrong_command_is_one_line(words, expected, train: Train, capsys) -> None:
    train(*GOOD[:1])
    train(*GOOD)
    code, line = refusal_of(capsys, lambda: main(words))
    assert (code, expected in line) == (2, True)
