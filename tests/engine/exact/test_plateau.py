"""Schedules that follow a metric, whenever that is logged."""

from itertools import pairwise

import pytest

from src.train import main
from tests.conftest import Train
from tests.test_exact_resume import NOISY, curves, state, stop_at
from tests.test_train import refusal_of

PLATEAU = "--model.scheduler=lightning.pytorch.cli.ReduceLROnPlateau"
BY_STEP = "--model.scheduler_interval=step"
FLAT = [  # nothing is learned: each value but the first is one without progress
    *(PLATEAU, "--model.scheduler.monitor=val/loss", "--model.scheduler.eps=0"),
    *("--model.optimizer.lr=1e-20", "--trainer.log_every_n_steps=1"),
]


def falls() -> list[int]:
    """Steps after which the learning rate was smaller."""
    pairs = pairwise(curves()["train/lr"])
    return [step for (_, before), (step, now) in pairs if now < before / 2]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--trainer.check_val_every_n_epoch=2", "--model.scheduler.patience=0"], [44]),
        ([BY_STEP, "--trainer.val_check_interval=4", "--model.scheduler.patience=3"], [26, 48]),
    ],
)
def test_each_value_counts_once(train: Train, words: list[str], expected: list[int]) -> None:
    train(*FLAT, "--trainer.max_epochs=5", *words)
    assert falls() == expected


@pytest.mark.parametrize("interval", ["epoch", "step"])
def test_metric_that_is_never_logged_is_refused(train: Train, capsys, interval: str) -> None:
    words = PLATEAU, "--model.scheduler.monitor=lss", f"--model.scheduler_interval={interval}"
    code, line = refusal_of(capsys, lambda: train(*words))
    assert code == 2
    assert "error: ReduceLROnPlateau watches lss, which is not logged: give it another" in line


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        [BY_STEP, "--model.scheduler.monitor=train/loss"],  # is logged after each five steps
        ["--model.scheduler.monitor=val/loss", "--trainer.val_check_interval=4"],
        ["--model.scheduler.monitor=val/loss", "--trainer.check_val_every_n_epoch=2"],
    ],
)
def test_value_that_was_seen_is_not_seen_again_on_resuming(
    train: Train, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    words = [
        *NOISY,
        PLATEAU,
        "--model.scheduler.patience=1",
        "--model.scheduler.threshold=1",
        *words,
    ]
    words.append("--trainer.max_epochs=3")
    train(*words)
    for count, step in enumerate((6, 7, 12, 21, 23)):
        with stop_at(monkeypatch, step):
            main(["--ckpt_path=last"]) if count else train(*words)
    main(["--ckpt_path=last"])
    assert state(1) == state(0)
