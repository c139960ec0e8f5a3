"""What Lightning adds up of what a training logs, which it does not promise to show or to save.

Wish: `Trainer.fit_loop.state_dict` holds it, and a resumed run goes on with it.
"""

from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.trainer.connectors.logger_connector.result import (
    _ResultCollection,
    _ResultMetric,
)
from typing_extensions import override

_FLAGS = "prog_bar", "logger", "on_step", "on_epoch", "enable_graph", "add_dataloader_idx"
_SUMS = "value", "cumulated_batch_size", "_forward_cache"  # the last one is of the latest step


def logged_sums(trainer: Trainer) -> dict[str, dict[str, Any]]:
    """Copy what was added up in an epoch of the numbers that its hooks have logged.

    Args:
        trainer: Trainer of the run.

    Returns:
        What `continue_sums` takes, on the CPU; torchmetrics objects keep their own state.
    """
    found: dict[str, Any] = trainer.fit_loop.epoch_loop._results
    return {
        name: _saved(result)
        for name, result in found.items()
        if result.is_tensor and not result.has_reset and result.meta.sync.group is None
    }


def continue_sums(trainer: Trainer, states: list[dict[str, dict[str, Any]]]) -> None:
    """Let the sums of an epoch go on with its next batch, which must not be the first one.

    Args:
        trainer: Trainer of the run.
        states: What `logged_sums` gave in each process that this one takes over from.
    """
    before = _ResultCollection(training=True)
    for state in states:
        for name, saved in state.items():
            kept = [key for key in _SUMS if key in saved]
            sums = {key: saved[key].to(trainer.strategy.root_device) for key in kept}
            if name in before:
                sums = _together(before[name], sums)
            else:
                _log(before, saved, trainer)
            vars(before[name]).update(sums)
    trainer.fit_loop.epoch_loop._results = _Continued(before)
    trainer._logger_connector._first_loop_iter = False  # else the next batch would reset them


class _Continued(_ResultCollection):
    """Results that go on, under the flags with which they are logged from now on."""

    def __init__(self, before: dict[str, _ResultMetric]) -> None:
        super().__init__(training=True)
        self.update(before)
        self._before = before

    @override
    def __contains__(self, name: object) -> bool:
        return name not in self._before and super().__contains__(name)

    @override
    def __setitem__(self, name: str, result: _ResultMetric) -> None:
        before = self._before.pop(name, None)
        if before is not None and before.meta.reduce_fx is result.meta.reduce_fx:
            vars(result).update({key: vars(before)[key] for key in _SUMS if key in vars(before)})
        super().__setitem__(name, result)


def _saved(result: _ResultMetric) -> dict[str, Any]:
    meta, sums = result.meta, {key: vars(result).get(key) for key in _SUMS}
    return {
        **{"hook": meta.fx, "name": meta.name, "reduce": meta.reduce_fx.__name__},
        "flags": [flag for flag in _FLAGS if getattr(meta, flag)],
        "sync": [flag for flag in ("should", "rank_zero_only") if getattr(meta.sync, flag)],
        **{key: value.detach().cpu().clone() for key, value in sums.items() if value is not None},
    }


def _log(results: _ResultCollection, saved: dict[str, Any], trainer: Trainer) -> None:
    """Log a number as the run did before, so that it is treated alike."""
    results.log(
        saved["hook"],
        saved["name"],
        saved["value"].to(trainer.strategy.root_device),
        reduce_fx=saved["reduce"],
        sync_dist="should" in saved["sync"],
        sync_dist_fn=trainer.strategy.reduce,
        rank_zero_only="rank_zero_only" in saved["sync"],
        **{flag: flag in saved["flags"] for flag in _FLAGS},
    )


def _together(result: _ResultMetric, sums: dict[str, Any]) -> dict[str, Any]:
    """Join the sums of two processes."""
    adds = result.meta.is_mean_reduction or result.meta.is_sum_reduction
    value, more = result.value, sums.pop("value")
    joined = {"value": value + more if adds else result.meta.reduce_fx(value, more)}
    if "cumulated_batch_size" in sums:
        joined["cumulated_batch_size"] = result.cumulated_batch_size + sums["cumulated_batch_size"]
    return joined
