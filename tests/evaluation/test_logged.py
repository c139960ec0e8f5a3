"""What a module logs of a split."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.demos.boring_classes import BoringDataModule, BoringModel
from torch import Tensor

from src.evaluation.logged import measure, refuse_unevaluated, table
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
    assert measure(task, None, split, {}) == ({name: pytest.approx(rmse)}, {})


def test_srun_is_not_advised_where_it_is_installed(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "srun").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*srun")
        measure(foreign.Regression(), None, "test", {})


class Answers(foreign.Regression):
    """A regression whose steps return what it says of each sample."""

    def test_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        x, y = batch
        return {"prediction": self.line(x), "target": y, "loss": y.mean()}

    validation_step = test_step


@pytest.mark.parametrize("split", ["test", "val"])
def test_what_a_step_says_of_each_sample_is_kept(split: str) -> None:
    metrics, outputs = measure(Answers(), None, split, {})
    assert (metrics, [*outputs]) == ({}, ["prediction", "target"])
    assert torch.equal(outputs["target"], foreign.points().tensors[1])


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


def test_table_tells_what_is_no_number() -> None:
    metrics = {"a": 0.12345678, "b": float("nan")}
    lines = table(BoringModel(), "val", metrics).splitlines()
    assert lines[2:] == ["a              0.123457", "b              nan"]
    assert table(BoringModel(), "val", {}).endswith("nothing: no self.log in validation_step")
