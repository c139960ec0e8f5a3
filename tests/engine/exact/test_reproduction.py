import copy
from typing import Any

import torch

from src.engine.checkpoints.digest import digest
from src.engine.exact.reproduction import report

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
        "metrics": {"val/acc": 0.5, "train/samples_per_s": 1.0},
        "provenance": [{**copy.deepcopy(SESSION), **session}],
    }


def test_same_bits_are_reproduced_whatever_the_time() -> None:
    again = checkpoint()
    again["metrics"]["train/samples_per_s"] = 2.0
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


def test_table_tells_each_part(capsys) -> None:
    again = checkpoint()
    again["metrics"] = {"val/acc": 0.25, "seconds_s": 3}
    same, text = report(checkpoint(), again)
    weights, state = (digest(part)[:16] for part in ({"w": torch.tensor(1.0)}, []))
    assert (same, text.splitlines()) == (
        False,
        [
            f"weights        same, {weights}",
            f"optimizer      same, {state}",
            f"schedule       same, {state}",
            "val/acc        was 0.5, is 0.25",
            "reproduced     no, and nothing recorded differs: try --trainer.deterministic true in "
            "both runs",
        ],
    )


def test_recorded_difference_explains_another_result() -> None:
    first, again = checkpoint(), checkpoint(2.0, inputs={"torch": "2"})
    again["metrics"].pop("val/acc")
    lines = report(first, again)[1].splitlines()
    assert lines[3:] == [
        "val/acc        was 0.5, is None",
        "differs        torch 1 -> 2",
        "reproduced     no",
    ]


def test_sessions_are_compared_one_by_one() -> None:
    first = checkpoint()
    other = {"from_step": 7, "inputs": {"torch": "2"}}
    first["provenance"].append({**copy.deepcopy(SESSION), **other})
    again = checkpoint(inputs={"torch": "3"})
    differing = [line for line in report(first, again)[1].splitlines() if "differs" in line]
    assert differing == [
        "differs        torch 2 -> 3",
        "differs        torch 1 -> 2, since step 7 of the run",
    ]
