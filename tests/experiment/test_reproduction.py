import copy
from typing import Any

import torch

from src.experiment.reproduction import report

SESSION = {
    "from_step": 0,
    "changes": [],
    "inputs": {"torch": "1"},
    "git": {"commit": "a" * 40, "status": "", "diff": ""},
}


def checkpoint(weight: float = 1.0, **session: Any) -> dict[str, Any]:
    return {
        "config": "{trainer: {max_epochs: 2}}",
        "state_dict": {"w": torch.tensor(weight)},
        "optimizer_states": [],
        "lr_schedulers": [],
        "metrics": {"val/acc": 0.5, "train/images_per_s": 1.0},
        "provenance": [{**copy.deepcopy(SESSION), **session}],
    }


def test_same_bits_are_reproduced_whatever_the_time() -> None:
    again = checkpoint()
    again["metrics"]["train/images_per_s"] = 2.0
    same, text = report(checkpoint(), again)
    assert same
    assert "val/acc        same, 0.5" in text
    assert text.endswith("reproduced     yes, to the last bit")


def test_last_bit_matters_and_what_differs_is_named() -> None:
    again = checkpoint(1.0 + 2**-23, inputs={"torch": "2"})
    again["config"] = "{trainer: {max_epochs: 3}}"
    same, text = report(checkpoint(), again)
    assert not same
    assert "weights        was " in text
    assert "differs        torch 1 -> 2" in text
    assert "differs        --trainer.max_epochs 2 -> 3" in text


def test_run_that_was_continued_otherwise_is_named() -> None:
    first = checkpoint()
    changed = {"from_step": 11, "changes": [["trainer.max_epochs", 1, 2]]}
    first["provenance"].append({**copy.deepcopy(SESSION), **changed})
    _, text = report(first, checkpoint(2.0))
    assert "--trainer.max_epochs 1 -> 2, since step 11 of the run" in text


def test_unexplained_difference_asks_for_determinism() -> None:
    assert "try --trainer.deterministic true" in report(checkpoint(), checkpoint(2.0))[1]
