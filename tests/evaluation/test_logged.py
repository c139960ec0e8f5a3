"""What a module logs of a split."""

import json

import pytest
import torch
from lightning.pytorch.demos.boring_classes import BoringDataModule, BoringModel

from src.evaluation.logged import measure, refuse_unevaluated, summary, table
from tests import foreign

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers", "ignore:.*treespec, LeafSpec"
)


@pytest.mark.parametrize(("split", "name"), [("test", "test/rmse"), ("val", "val/rmse")])
def test_numbers_are_those_of_the_module(split: str, name: str) -> None:
    task = foreign.Regression()
    x, y = foreign.points().tensors
    with torch.no_grad():
        rmse = (task.line(x) - y).square().mean().sqrt().item()
    assert measure(task, None, split, {}) == {name: pytest.approx(rmse)}


@pytest.mark.parametrize(("limits", "count"), [({}, 64), ({"test": 3}, 3), ({"test": 0}, 64)])
def test_limits_of_the_run_are_those_of_its_evaluation(
    limits: dict[str, int], count: int, monkeypatch
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(BoringModel, "test_step", lambda *_: seen.append(1))
    settings = {f"limit_{split}_batches": limit for split, limit in limits.items()}
    measure(
        BoringModel(), BoringDataModule(), "test", {"trainer": settings | {"limit_val_batches": 1}}
    )
    assert len(seen) == count


def test_module_with_a_step_and_loaders_is_not_refused() -> None:
    refuse_unevaluated(BoringModel(), None, "test")
    refuse_unevaluated(foreign.Autoencoder(), BoringDataModule(), "val")


@pytest.mark.parametrize(
    ("task", "data", "split", "reason"),
    [
        (foreign.Autoencoder, BoringDataModule, "test", "Autoencoder has no test_step; add it"),
        (foreign.Autoencoder, None, "val", "Autoencoder has no val_dataloader; add it"),
        (foreign.Measured, foreign.TokensDataModule, "predict", "measures on test or val; give"),
        (foreign.Unfed, foreign.TokensDataModule, "val", "neither Unfed nor TokensDataModule has"),
    ],
)
def test_split_that_is_not_evaluated_is_refused(task, data, split: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"--split {split}: .*{reason}"):
        refuse_unevaluated(task(), data and data(), split)


def test_summary_and_table_tell_what_is_no_number() -> None:
    metrics = {"a": 0.12345678, "b": float("nan")}
    assert json.loads(summary({"step": 3}, metrics)) == {
        "step": 3,
        "metrics": {"a": 0.12345678, "b": None},
    }
    lines = table(BoringModel(), "val", metrics).splitlines()
    assert lines[2:] == ["a              0.123457", "b              nan"]
    assert table(BoringModel(), "val", {}).endswith("nothing: no self.log in validation_step")
