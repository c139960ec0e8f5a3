"""The table of layers at the start of a training, with the operations of one sample."""

from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelSummary
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode
from typing_extensions import override

from src.engine.lightning_compat import callbacks_of

_SAMPLES = 2  # one would be too few for a layer that normalises over a batch


class Summary(ModelSummary):
    """Lightning's table of layers, with FLOPs where the module publishes its `sample_shape`.

    Lightning knows them only of a module with an example, which it computes on the device, through
    the hooks of the data set. Here the shapes alone are followed.
    """

    def __init__(self) -> None:
        super().__init__()
        self._flops: dict[str, int] = {}

    @override
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._flops = count_flops(pl_module)
        super().on_fit_start(trainer, pl_module)

    @override
    def summarize(  # type: ignore[override]  # it is static there, and called as a method
        self, summary_data: list[tuple[str, list[str]]], *counts: Any, **options: Any
    ) -> None:
        if self._flops:
            columns = dict(summary_data)
            columns["FLOPs"] = [f"{self._flops.get(name, 0):,}" for name in columns["Name"]]
            summary_data, options["total_flops"] = [*columns.items()], self._flops[""]
        super().summarize(summary_data, *counts, **options)


def own_summary(trainer: Trainer, chosen: Sequence[Any]) -> None:
    """Put this table in the place of the one that Lightning adds by itself.

    Args:
        trainer: Trainer of the run.
        chosen: Callbacks that the user chose; a table among them stays.
    """
    callbacks = callbacks_of(trainer)
    for number, callback in enumerate(callbacks):
        if type(callback) is ModelSummary and callback not in chosen:
            callbacks[number] = Summary()


def count_flops(module: LightningModule) -> dict[str, int]:
    """Count the floating point operations of a forward pass, without computing it.

    Args:
        module: Module that may publish, as `sample_shape`, the shape of what its `forward` takes.

    Returns:
        Operations for one sample, of each part by its name and of all by the empty name; nothing if
        they cannot be counted.
    """
    shape = getattr(module, "sample_shape", None)
    if shape is None:
        return {}
    tensors = [*module.named_parameters(), *module.named_buffers()]
    without_values = {name: tensor.detach().to("meta") for name, tensor in tensors}
    counter = FlopCounterMode(display=False)
    modes = {part: part.training for part in module.modules()}
    module.eval()  # what a network does in training alone, such as counting, is no part of this
    try:
        with torch.no_grad(), counter:
            sample = torch.empty(_SAMPLES, *shape, device="meta")
            functional_call(module, without_values, sample)
    except Exception:  # of a module that asks for values, or takes another shape
        return {}
    finally:
        for part, training in modes.items():
            part.training = training
    found = {name: sum(each.values()) for name, each in counter.get_flop_counts().items()}
    found |= {"": counter.get_total_flops()}
    return {name.partition(".")[2]: count // _SAMPLES for name, count in found.items()}
