"""What a run did, how long it took, and what its test says of each sample."""

import sys
import time
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor
from typing_extensions import override

from src.engine.console.note import note

if sys.platform != "win32":
    import resource

_MOST = 2**28  # bytes of a test's outputs; they wait where the module is


class Totals(Callback):
    """Count and time what a run does.

    Args:
        started: `time.perf_counter()` when the process began [s].

    Attributes:
        metrics: Each value that was logged, as it was last, and `startup_s` until the first step,
            `fit_s`, `test_s`, `epochs` and `steps` of the whole training, `test_samples` if their
            number is known; the most memory of this process, `memory_mib`, and on its GPU,
            `gpu_memory_mib`.
        tested: What was logged in the test.
        outputs: What the test step says of each sample, `(N, ...)`, by name; empty where several
            processes share the samples, or where it returns no such tensors.
    """

    def __init__(self, started: float) -> None:
        self.metrics: dict[str, float] = {}
        self.tested: dict[str, float] = {}
        self.outputs: dict[str, Tensor] = {}
        self._kept = Outputs()
        self._samples = 0
        self._since = started

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._end("startup_s", trainer)

    @override
    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trained = "startup_s" in self.metrics
        self._end("fit_s" if trained else "startup_s", trainer)
        self.metrics |= _peak_memory(trainer)
        self.metrics |= {"epochs": trainer.current_epoch, "steps": trainer.global_step}

    @override
    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        count = count_samples(batch, pl_module)
        self._samples += count or 0
        if trainer.world_size == 1:  # in the order of the samples
            self._kept.add(outputs, count, dataloader_idx)

    @override
    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        count = torch.tensor(self._samples, device=trainer.strategy.root_device)
        if samples := int(trainer.strategy.reduce(count, reduce_op="sum")):
            self.metrics["test_samples"] = samples
        self.outputs = self._kept.joined()
        self.tested = _logged(trainer)  # Lightning has forgotten what was logged in the training
        self._end("test_s", trainer)

    def _end(self, part: str, trainer: Trainer) -> None:
        now = time.perf_counter()
        self.metrics |= _logged(trainer)
        self.metrics[part] = now - self._since
        self._since = now


def count_samples(batch: Any, module: Any = None) -> int | None:
    """Tell how many samples a batch holds.

    It is what Lightning's `extract_batch_size` says where that is sure of it; of any other batch it
    warns, or has an error.

    Args:
        batch: Tensor, or mappings, sequences and dataclasses of tensors and of anything else.
        module: LightningModule that may know better: its method `num_samples` takes the batch.

    Returns:
        What `num_samples` says, else the length of the tensors; None if it differs, or if there
        are none.
    """
    if hasattr(type(module), "num_samples"):  # a module itself takes 3 us to say that it has none
        return int(module.num_samples(batch))
    lengths: set[int] = set()
    _gather(batch, lengths)
    return lengths.pop() if len(lengths) == 1 else None


class Outputs:
    """Gather the tensors of a step that have an entry for each sample of its batch."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Tensor]] = {}
        self._samples: dict[int, int] = {}  # by loader
        self._bytes = 0

    def add(self, outputs: Any, count: int | None, loader: int = 0) -> None:
        """Keep what a step returned; all loaders but the first one get Lightning's ending.

        Args:
            outputs: What it returned.
            count: Samples of the batch; None if their number is not known.
            loader: Number of the loader.
        """
        if not count or not isinstance(outputs, Mapping) or self._bytes > _MOST:
            return
        self._samples[loader] = self._samples.get(loader, 0) + count
        for name, value in outputs.items():
            if isinstance(value, Tensor) and value.ndim and len(value) == count:
                key = f"{name}/dataloader_idx_{loader}" if loader else str(name)
                self._parts.setdefault(key, []).append(value.detach())
                self._bytes += value.nbytes
        if self._bytes > _MOST:
            self._parts = {}
            note(f"what the test says of each sample is not kept: it is more than {_MOST:,} bytes")

    def joined(self) -> dict[str, Tensor]:
        """Join, on the CPU, what every batch had in one shape.

        Returns:
            Tensors `(N, ...)` by name.
        """
        return {
            name: torch.cat(parts).cpu()
            for name, parts in self._parts.items()
            if len({part.shape[1:] for part in parts}) == 1
            and sum(map(len, parts)) in self._samples.values()
        }


def _gather(batch: Any, lengths: set[int]) -> None:
    """Add the lengths of all tensors; what can be gone through only once is the module's."""
    if isinstance(batch, Tensor):
        lengths.update(batch.shape[:1])
    elif isinstance(batch, tuple | list):
        for part in batch:
            _gather(part, lengths)
    elif isinstance(batch, Mapping):
        for part in batch.values():
            _gather(part, lengths)
    elif is_dataclass(batch):
        for field in fields(batch):
            _gather(getattr(batch, field.name), lengths)


def _logged(trainer: Trainer) -> dict[str, float]:
    return {name: value.item() for name, value in trainer.callback_metrics.items()}


def _peak_memory(trainer: Trainer) -> dict[str, float]:
    peak = {}
    if sys.platform != "win32":
        unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, KiB elsewhere
        peak["memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    device = trainer.strategy.root_device
    if device.type == "cuda":
        peak["gpu_memory_mib"] = torch.cuda.max_memory_allocated(device) / 2**20
    return peak
