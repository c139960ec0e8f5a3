"""The command that doubts labels, on synthetic MNIST with some labels swapped."""

import csv
import signal
import sys
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from src.engine.console.shown import shown
from src.evaluation.classification.label_errors import LabelErrors
from src.label_errors import _find, _parser, main
from src.tasks import ClassificationTask
from tests.conftest import Train
from tests.evaluation.classification.test_label_errors import answers
from tests.tiny_mnist import TinyMNIST

SWAPPED = [3, 50, 77, 101, 146, 190]  # of the 220 training images


class SwappedMNIST(TinyMNIST):
    """`TinyMNIST` with six wrong labels."""

    def setup(self, stage: str) -> None:
        if not self.splits:
            super().setup(stage)
            label = self.splits["train"].label
            label[SWAPPED] = (label[SWAPPED] + 3) % 10
            self.train_indices = torch.arange(len(label)) + 1000


def refused(*words: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main([*words])
    return stop.value.code


@pytest.mark.slow
def test_swapped_labels_are_top_ranked(train: Train, tmp_path: Path, capsys) -> None:
    train("--data=tests.test_label_errors.SwappedMNIST", "--trainer.max_epochs=8")
    before = {*tmp_path.rglob("*")}
    capsys.readouterr()
    main(["last", "--folds=3"])
    out = tmp_path / "lightning_logs" / "version_0" / "label_errors"
    rows = list(csv.DictReader((out / "label_errors.csv").read_text().splitlines()))
    assert len({int(row["index"]) for row in rows[: len(SWAPPED)]} & {*SWAPPED}) >= 5
    assert int(rows[0]["official_index"]) == int(rows[0]["index"]) + 1000
    with np.load(out / "probabilities.npz") as arrays:
        assert arrays["probability"].shape == (220, 10)
    written = {path.name for path in {*tmp_path.rglob("*")} - before}
    files = {"label_errors.png", "label_errors.csv", "probabilities.npz"}
    assert written == {"label_errors", *files}
    captured = capsys.readouterr()
    assert f"suspected      {len(rows)} label errors" in captured.out
    assert captured.err.count("\n") == 3  # a line for each fold


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--folds=1"], "--folds must be in [2, 220], got 1"),
        (["--num_images=0"], "--num_images must be at least 1, got 0"),
    ],
)
def test_impossible_number_is_one_line(finished: Train, capsys, words: list, reason: str) -> None:
    finished("--trainer.max_epochs=1")
    capsys.readouterr()
    assert refused("last", *words) == 2
    assert capsys.readouterr().err == f"error: {reason}\n"


def test_missing_cleanlab_is_one_line(monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    assert refused("last") == 2
    error = capsys.readouterr().err
    assert 'pip install -e ".[labels]"' in error
    assert error.count("\n") == 1


def test_ctrl_c_is_one_line(finished: Train, monkeypatch, capsys) -> None:
    finished("--trainer.max_epochs=1")
    handler = signal.getsignal(signal.SIGINT)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ClassificationTask, "training_step", interrupt)
    capsys.readouterr()
    try:
        assert refused("last", "--out=found") == 130
    finally:
        signal.signal(signal.SIGINT, handler)
    assert capsys.readouterr().err == "\nstopped by SIGINT\n"
    assert not Path("found").exists()


def test_words_have_defaults() -> None:
    given = _parser().parse_args(["last"])
    assert (given.ckpt, given.folds, given.num_images, given.out) == ("last", 5, 48, None)
    given = _parser().parse_args(["last", "--folds=3", "--num_images=7", "--out=x"])
    assert (given.folds, given.num_images, given.out) == (3, 7, Path("x"))


@pytest.mark.parametrize("official", [None, torch.arange(90) + 1000])
def test_what_is_found_is_told_and_written(tmp_path: Path, official: Tensor | None) -> None:
    probability, label = answers()
    unseen = namedtuple("Unseen", ["probability", "label"])(probability, label)
    data = SimpleNamespace() if official is None else SimpleNamespace(train_indices=official)
    trained = SimpleNamespace(
        data=data,
        path=tmp_path / "x.ckpt",
        class_names={3: "abc"}.__getitem__,
        file_names={"train": ()}.__getitem__,
    )
    image = torch.zeros(90, 1, 8, 8, dtype=torch.uint8)
    training = SimpleNamespace(
        run=lambda: unseen, trained=trained, num_folds=5, split=SimpleNamespace(image=image)
    )
    errors = LabelErrors(probability, label, "abc")
    assert _find(training, tmp_path / "out", 2).splitlines() == [
        f"checkpoint     {shown(tmp_path / 'x.ckpt')}",
        "images         90 of the training split, 5 folds",
        "accuracy       96.67% out of sample",
        "suspected      3 label errors",
        "",
        *errors.table().splitlines(),
        "",
        f"files          {shown(tmp_path / 'out')}/label_errors.png, label_errors.csv, "
        "probabilities.npz",
    ]
    assert (tmp_path / "out" / "label_errors.csv").read_bytes() == errors.csv(official)
    assert (tmp_path / "out" / "label_errors.png").read_bytes() == errors.png(image, 2)
    with np.load(tmp_path / "out" / "probabilities.npz") as saved:
        assert np.array_equal(saved["probability"], probability.numpy())
        assert np.array_equal(saved["label"], label.numpy())
