"""What a run did and how long it took."""

import sys
import time

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor
from typing_extensions import override

from src.batch import Batch

if sys.platform != "win32":
    import resource

_LOGITS_DIM = 2  # (B, K)


class Account(Callback):
    """Keep account of a run while it goes on.

    Args:
        started: `time.perf_counter()` when the process began [s].

    Attributes:
        metrics: Each value that was logged, as it was last, and `startup_s` until the first step,
            `fit_s`, `test_s`, `epochs` and `steps` of the whole training, `test_images`; the most
            memory of this process, `memory_mib`, and on its GPU, `gpu_memory_mib`.
        predictions: Predicted and given class of each test image, `(N,)`, `int16`; empty where
            several processes share the images or the task gives no logits.
    """

    def __init__(self, started: float) -> None:
        self.metrics: dict[str, float] = {"test_images": 0}
        self.predictions: dict[str, Tensor] = {}
        self._answers: list[tuple[Tensor, Tensor]] = []
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
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self.metrics["test_images"] += len(batch.label)
        if isinstance(outputs, Tensor) and outputs.ndim == _LOGITS_DIM:
            self._answers.append((outputs.argmax(dim=1), batch.label))

    @override
    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        count = torch.tensor(self.metrics["test_images"], device=trainer.strategy.root_device)
        self.metrics["test_images"] = int(trainer.strategy.reduce(count, reduce_op="sum"))
        if self._answers and trainer.world_size == 1:  # in the order of the images
            parts = (torch.cat(part).short().cpu() for part in zip(*self._answers, strict=True))
            self.predictions = dict(zip(("prediction", "label"), parts, strict=True))
        self._end("test_s", trainer)

    def _end(self, part: str, trainer: Trainer) -> None:
        now = time.perf_counter()
        self.metrics |= {name: value.item() for name, value in trainer.callback_metrics.items()}
        self.metrics[part] = now - self._since
        self._since = now


def _peak_memory(trainer: Trainer) -> dict[str, float]:
    peak = {}
    if sys.platform != "win32":
        unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, KiB elsewhere
        peak["memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    device = trainer.strategy.root_device
    if device.type == "cuda":
        peak["gpu_memory_mib"] = torch.cuda.max_memory_allocated(device) / 2**20
    return peak
