from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.trainer.states import TrainerFn
from torchmetrics import MeanMetric

from src.engine.checkpoints.digest import digest
from src.engine.exact.logged_compat import continue_sums, logged_sums
from src.engine.files.plain_file import unsafe_entries
from tests.bare_trainer import bare_trainer

KINDS = "mean", "sum", "max", "min"
VALUES = torch.rand(7, generator=torch.Generator().manual_seed(1))


def log(trainer: Trainer, batches: range, **flags: Any) -> None:
    """Log the numbers of these batches, some of which the first one alone has."""
    results = trainer.fit_loop.epoch_loop._results
    flags = {"on_step": True, "sync_dist_fn": trainer.strategy.reduce, **flags}
    for batch in batches:
        for kind in KINDS:
            value = {"value": VALUES[batch], "batch_size": batch + 1, "reduce_fx": kind}
            results.log("training_step", kind, **value, **flags)
            if batch == 0:
                results.log("training_step", f"first {kind}", **value, **flags)
        results.log("on_train_batch_end", "late", VALUES[batch], batch_size=2)


def logged(trainer: Trainer) -> list[Any]:
    """What it shows of the latest step and of the epoch."""
    return [trainer.fit_loop.epoch_loop._results.metrics(on_step) for on_step in (True, False)]


def cut(batches: range = range(4)) -> dict[str, Any]:
    trainer = bare_trainer()
    log(trainer, batches)
    state = logged_sums(trainer)
    assert not [*unsafe_entries(state)]
    return state


def test_sums_go_on_where_they_were() -> None:
    whole, resumed = bare_trainer(), bare_trainer()
    log(whole, range(7))
    continue_sums(resumed, [cut()])
    log(resumed, range(4, 7))
    assert digest(logged(resumed)) == digest(logged(whole))
    assert logged(whole)[1]["callback"].keys() >= {"mean_epoch", "first max", "late"}


def test_sums_go_on_though_nothing_is_logged_any_more() -> None:
    whole, resumed = bare_trainer(), bare_trainer()
    log(whole, range(4))
    continue_sums(resumed, [cut()])
    assert digest(logged(resumed)) == digest(logged(whole))
    assert digest(logged_sums(resumed)) == digest(logged_sums(whole))


def test_next_epoch_begins_anew() -> None:
    whole, resumed = bare_trainer(), bare_trainer()
    continue_sums(resumed, [cut()])
    resumed.fit_loop.epoch_loop._results.reset()
    for trainer in (whole, resumed):
        log(trainer, range(2))
    assert digest(logged(resumed)) == digest(logged(whole))


def test_flags_may_change() -> None:
    whole, resumed = bare_trainer(), bare_trainer()
    log(whole, range(7), prog_bar=True)
    continue_sums(resumed, [cut()])
    log(resumed, range(4, 7), prog_bar=True)
    assert logged(resumed)[1]["pbar"]["mean_epoch"] == logged(whole)[1]["pbar"]["mean_epoch"]


def test_another_reduction_begins_anew() -> None:
    resumed = bare_trainer()
    state = cut()
    state["training_step.mean"]["reduce"] = "max"
    continue_sums(resumed, [state])
    log(resumed, range(4, 5))
    assert logged(resumed)[1]["callback"]["mean_epoch"] == VALUES[4]


def test_first_batch_after_a_stop_resets_nothing() -> None:
    trainer = bare_trainer()
    continue_sums(trainer, [cut()])
    trainer.state.fn, trainer.training = TrainerFn.FITTING, True
    trainer._logger_connector.on_batch_start(None)
    assert not trainer._logger_connector.should_reset_tensors("training_step")


def test_fewer_processes_take_over_the_sums_of_others() -> None:
    whole, resumed = bare_trainer(), bare_trainer()
    log(whole, range(7))
    continue_sums(resumed, [cut(range(4)), cut(range(4, 7))])
    for name, value in logged(whole)[1]["callback"].items():
        assert logged(resumed)[1]["callback"][name] == pytest.approx(value.item())


def test_torchmetrics_keep_their_own_state() -> None:
    trainer = bare_trainer()
    metric = MeanMetric()
    trainer.fit_loop.epoch_loop._results.log("training_step", "x", metric)
    assert logged_sums(trainer) == {}
