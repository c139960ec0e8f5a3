"""Metrics of an epoch that a run was stopped in."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn
from torchmetrics import Metric, MetricCollection
from typing_extensions import override

from src.engine.exact.every_process import of_every_process
from src.engine.exact.logged_compat import continue_sums, logged_sums
from src.engine.lightning_compat import add_updates, next_position

States = dict[str, dict[str, Any]]


class EpochMetrics(Callback):
    """Save what the metrics of a task have gathered, process by process, and give it back.

    All torchmetrics objects of a task are meant, and the numbers that it logs, which Lightning adds
    up for the end of the epoch.
    """

    def __init__(self) -> None:
        self._states: list[States] = []
        self._sums: list[States] = []
        self._logged: dict[str, float] = {}

    @override
    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        found = of_every_process(trainer, (gathered(pl_module), logged_sums(trainer)))
        states, sums = zip(*found, strict=True)
        logged = {name: value.item() for name, value in trainer.callback_metrics.items()}
        checkpoint |= {"epoch_metrics": [*states], "sums": [*sums], "metrics": logged}

    @override
    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._states = checkpoint.get("epoch_metrics", [])
        self._logged = checkpoint.get("metrics", {})
        self._sums = checkpoint.get("sums", [])

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        own = slice(trainer.global_rank, None, trainer.world_size)
        for states in self._states[own]:
            give_back(pl_module, states)
        if self._sums and next_position(trainer)[1]:  # else the start of the epoch logs again
            continue_sums(trainer, self._sums[own])
        for name, value in self._logged.items():  # for who monitors what is not logged each epoch
            trainer.callback_metrics[name] = torch.tensor(value)
        self._states, self._sums, self._logged = [], [], {}


def gathered(module: nn.Module) -> States:
    """Copy what the metrics in a module have gathered.

    Args:
        module: Module that holds metrics.

    Returns:
        For each metric that was updated, by its name: its states, on the CPU, and `updates`.
    """
    for collection in module.modules():
        if isinstance(collection, MetricCollection):
            collection.items()  # metrics that share a state get it from the one that is updated
    return {
        name: {"updates": metric.update_count, **_on_cpu(metric.metric_state)}
        for name, metric in module.named_modules()
        if isinstance(metric, Metric) and metric.update_called
    }


def give_back(module: nn.Module, states: States) -> None:
    """Add gathered states to the metrics of a module.

    Args:
        module: Module that holds metrics of the same names.
        states: What `gathered` returned.
    """
    metrics = dict(module.named_modules())
    for name, saved in states.items():
        metric = metrics.get(name)
        if isinstance(metric, Metric):
            known = metric.metric_state  # no other attribute is set
            state = {key: _to(value, metric.device) for key, value in saved.items() if key in known}
            if metric.update_called:  # of another process, when there are fewer than there were
                metric.merge_state(state)
            else:
                vars(metric).update(state)
            add_updates(metric, saved["updates"])


def _on_cpu(states: dict[str, Any]) -> dict[str, Any]:
    return {name: _to(value, torch.device("cpu"), copy=True) for name, value in states.items()}


def _to(value: Any, device: torch.device, copy: bool = False) -> Any:
    if isinstance(value, list):
        return [_to(part, device, copy) for part in value]
    return value.detach().to(device, copy=copy) if isinstance(value, torch.Tensor) else value
