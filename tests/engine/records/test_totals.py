import sys
import time
from collections import UserDict
from dataclasses import dataclass
from types import SimpleNamespace as Fake
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from src.batch import Batch
from src.engine.records.totals import Outputs, Totals, count_samples
from src.models import CNN
from src.tasks import ClassificationTask
from tests.bare_trainer import bare_trainer

if sys.platform != "win32":
    import resource


def test_account_keeps_times_counts_and_metrics(batch: Batch) -> None:
    totals = Totals(started=time.perf_counter() - 100)
    trainer = bare_trainer(max_epochs=2, callbacks=[totals])
    loader = DataLoader([batch] * 3, batch_size=None)
    task = ClassificationTask(CNN())
    trainer.fit(task, loader, loader)
    trainer.test(task, loader, verbose=False)
    metrics = totals.metrics
    assert (metrics["epochs"], metrics["steps"], metrics["test_samples"]) == (2, 6, 60)
    assert 100 < metrics["startup_s"] < 200
    assert 0 < metrics["fit_s"] < 100
    assert {"train/loss", "val/acc", "test/acc", "test_s"} <= set(metrics)
    assert 10 < metrics["memory_mib"] < 100_000
    expected = task.eval()(batch.image).argmax(1).short().repeat(3)
    assert torch.equal(totals.outputs["prediction"], expected)
    assert torch.equal(totals.outputs["label"], batch.label.short().repeat(3))
    assert totals.outputs["label"].dtype == torch.int16


@pytest.mark.parametrize(
    ("shape", "processes", "kept"), [((20,), 2, 0), ((), 1, 0), ((2,), 1, 0), ((20,), 1, 1)]
)
def test_answers_are_kept_where_one_process_has_all(
    batch: Batch, shape: tuple[int, ...], processes: int, kept: int
) -> None:
    totals = Totals(started=0.0)
    strategy = Fake(root_device="cpu", reduce=lambda count, reduce_op: count * processes)
    trainer = Fake(strategy=strategy, world_size=processes, callback_metrics={})
    totals.on_test_batch_end(trainer, None, {"a": torch.ones(shape)}, batch, 0)
    totals.on_test_batch_end(trainer, None, {"a": torch.ones(shape)}, batch, 1)
    totals.on_test_end(trainer, None)
    assert totals.metrics["test_samples"] == 40 * processes
    assert len(totals.outputs) == kept


def test_time_before_a_training_that_has_no_step_is_startup() -> None:
    totals = Totals(started=time.perf_counter() - 100)
    device = Fake(root_device=torch.device("cpu"))
    totals.on_fit_end(
        Fake(strategy=device, callback_metrics={}, current_epoch=2, global_step=6), None
    )
    assert totals.metrics["startup_s"] > 100
    assert "fit_s" not in totals.metrics


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource")
@pytest.mark.parametrize(("platform", "mib"), [("linux", 2048.0), ("darwin", 2.0)])
def test_memory_is_told_in_mib(platform: str, mib: float, monkeypatch) -> None:
    usage = {resource.RUSAGE_SELF: Fake(ru_maxrss=2**21)}
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr("src.engine.records.totals.resource.getrusage", usage.get)
    monkeypatch.setattr("torch.cuda.max_memory_allocated", {torch.device("cuda"): 3 * 2**20}.get)
    strategy = Fake(root_device=torch.device("cuda"))
    trainer = Fake(strategy=strategy, callback_metrics={}, current_epoch=2, global_step=6)
    totals = Totals(started=0.0)
    totals.on_fit_end(trainer, None)
    assert totals.metrics.pop("startup_s") > 0
    figures = {"memory_mib": mib, "gpu_memory_mib": 3.0, "epochs": 2, "steps": 6}
    assert totals.metrics == figures


def test_each_part_is_timed_from_the_end_of_the_one_before(monkeypatch) -> None:
    clock = iter([12.0, 15.0, 22.0])
    monkeypatch.setattr("src.engine.records.totals.time.perf_counter", lambda: next(clock))
    totals, cpu = Totals(started=10.0), torch.device("cpu")
    strategy = Fake(root_device=cpu, reduce=lambda count, reduce_op: {"sum": count}[reduce_op])
    trainer = Fake(strategy=strategy, callback_metrics={"a": torch.tensor(0.5)}, world_size=1)
    trainer.current_epoch, trainer.global_step = 1, 2
    totals.on_train_start(trainer, None)
    totals.on_fit_end(trainer, None)
    totals.on_test_end(trainer, None)
    times = {name: totals.metrics[name] for name in ("startup_s", "fit_s", "test_s")}
    assert times == {"startup_s": 2.0, "fit_s": 3.0, "test_s": 7.0}
    assert totals.metrics["a"] == 0.5


def test_tensors_with_an_entry_for_each_sample_are_kept() -> None:
    outputs = Outputs()
    for start, count in ((0, 2), (2, 1)):
        loss, rows = torch.tensor(0.5), torch.arange(start, start + count)
        outputs.add({"loss": loss, "row": rows, "text": ["a"] * count, "two": rows[:1]}, count)
    found = outputs.joined()
    assert {name: value.tolist() for name, value in found.items()} == {"row": [0, 1, 2]}


@pytest.mark.parametrize(("given", "count"), [(torch.ones(2), 2), (None, 2), ({"a": 1}, None)])
def test_anything_else_is_left_out(given: object, count: int | None) -> None:
    outputs = Outputs()
    outputs.add(given, count)
    assert outputs.joined() == {}


def test_outputs_of_several_shapes_are_left_out() -> None:
    outputs = Outputs()
    for length in (3, 4):
        outputs.add({"sequence": torch.ones(2, length)}, 2)
    assert outputs.joined() == {}


def test_loaders_are_told_apart() -> None:
    outputs = Outputs()
    outputs.add({"a": torch.zeros(2)}, 2)
    outputs.add({"a": torch.ones(3)}, 3, loader=1)
    assert {name: len(value) for name, value in outputs.joined().items()} == {
        "a": 2,
        "a/dataloader_idx_1": 3,
    }


def test_too_many_outputs_are_not_kept(monkeypatch, capsys) -> None:
    monkeypatch.setattr("src.engine.records.totals._MOST", 10)
    outputs = Outputs()
    for _ in range(2):
        outputs.add({"a": torch.zeros(3)}, 3)
    assert outputs.joined() == {}
    assert capsys.readouterr().err.count("is more than 10 bytes") == 1


@dataclass
class Pair:
    x: Any
    y: Any


class Graphs(nn.Module):
    def num_samples(self, batch: dict) -> int:
        return batch["graphs"]


FIVE = torch.ones(5, 2)


@pytest.mark.parametrize(
    ("batch", "count"),
    [
        (FIVE, 5),
        (Batch(FIVE, torch.arange(5)), 5),
        ([FIVE, "text"], 5),
        ({"name": ["a", "b"], "scale": torch.tensor(2.0), "x": {"y": FIVE}}, 5),
        (UserDict(x=FIVE), 5),
        (Pair("text", [FIVE]), 5),
        ([FIVE, torch.ones(3)], None),
        (torch.tensor(1.0), None),
        (["text"], None),
        ((FIVE for _ in range(2)), None),
        (None, None),
    ],
)
def test_samples_of_a_batch_are_counted(batch: Any, count: int | None) -> None:
    assert count_samples(batch) == count


def test_module_may_know_better() -> None:
    assert count_samples({"nodes": FIVE, "graphs": 2}, Graphs()) == 2
    assert count_samples(FIVE, nn.Linear(1, 1)) == 5
