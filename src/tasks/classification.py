"""Supervised classification of images."""

import math
from typing import Any, Literal

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy
from typing_extensions import override

from src.batch import Batch
from src.tasks.one_cycle import OneCycle


class ClassificationTask(LightningModule):
    """Train a network by cross-entropy on its logits; log loss and accuracy of each split.

    `train/loss` and `train/acc` are means over all images since the last time they were logged;
    validation and test loss never include label smoothing.

    Args:
        network: Maps images `(B, C, H, W)` to logits `(B, K)`.
        num_classes: Number of classes K.
        optimizer: Makes the optimizer of the network's parameters.
        scheduler: Makes the learning rate schedule; None keeps the rate constant.
        scheduler_interval: When the schedule moves; `OneCycle` always does at each step.
        label_smoothing: Share of the training target spread evenly over all classes, in `[0, 1]`.

    Raises:
        ValueError: `label_smoothing` is outside `[0, 1]`.
    """

    def __init__(
        self,
        network: nn.Module,
        num_classes: int = 10,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: Literal["step", "epoch"] = "epoch",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"label_smoothing must be in [0, 1], got {label_smoothing}")
        self.network = network
        self.make_optimizer = optimizer
        self.make_scheduler = scheduler
        self.scheduler_interval = scheduler_interval
        self._step_before = 0
        self.loss_fn = nn.CrossEntropyLoss(label_smoothing=label_smoothing, reduction="none")
        metrics = MetricCollection(
            {
                "loss": MeanMetric(nan_strategy="disable"),  # its check waits for the device
                "acc": MulticlassAccuracy(num_classes, average="micro", validate_args=False),
            }
        )
        self.train_metrics = metrics.clone(prefix="train/")
        self.val_metrics = metrics.clone(prefix="val/")
        self.test_metrics = metrics.clone(prefix="test/")

    @override
    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.network(image.to(self.dtype))
        return logits

    @override
    def on_train_start(self) -> None:
        for scheduler in [config.scheduler for config in self.trainer.lr_scheduler_configs]:
            if isinstance(scheduler, OneCycle):
                scheduler.total_steps = self._total_steps()

    @override
    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        self._step_before = self.global_step
        if self._is_due(self.global_step + 1):
            self.log("train/lr", self.trainer.optimizers[0].param_groups[0]["lr"])

    @override
    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        logits = self(batch.image)
        loss: Tensor = self.loss_fn(logits, batch.label)  # (B,)
        _update(self.train_metrics, loss, logits, batch.label)
        return loss.mean()

    @override
    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        stepped = self.global_step > self._step_before  # else gradients are being accumulated
        if stepped and self._is_due(self.global_step):
            self._log_train_metrics()

    @override
    def on_train_epoch_end(self) -> None:
        self._log_train_metrics()

    @override
    def validation_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return self._evaluate(self.val_metrics, batch)

    @override
    def test_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return self._evaluate(self.test_metrics, batch)

    @override
    def configure_optimizers(self) -> Any:
        optimizer = self.make_optimizer(self.parameters())
        if self.make_scheduler is None:
            return optimizer
        scheduler = self.make_scheduler(optimizer)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {
                "scheduler": scheduler,
                "interval": "step" if isinstance(scheduler, OneCycle) else self.scheduler_interval,
                "monitor": getattr(scheduler, "monitor", "val/loss"),  # for ReduceLROnPlateau
            },
        }

    def _evaluate(self, metrics: MetricCollection, batch: Batch) -> Tensor:
        logits: Tensor = self(batch.image)
        loss = F.cross_entropy(logits, batch.label, reduction="none")  # (B,)
        _update(metrics, loss, logits, batch.label)
        for name, metric in metrics.items():
            in_bar = name.endswith("acc")
            self.log(name, metric, on_step=False, on_epoch=True, prog_bar=in_bar)
        return logits

    def _is_due(self, step: int) -> bool:
        interval: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]  # undeclared
        return interval > 0 and step % interval == 0

    def _log_train_metrics(self) -> None:
        if self.train_metrics["loss"].update_called:
            for name, value in self.train_metrics.compute().items():
                self.log(name, value, prog_bar=name.endswith("loss"))
            self.train_metrics.reset()

    def _total_steps(self) -> int:
        trainer = self.trainer
        steps = math.inf
        if trainer.max_epochs is not None and trainer.max_epochs >= 0:
            batches = trainer.num_training_batches
            steps = math.ceil(batches / trainer.accumulate_grad_batches) * trainer.max_epochs
        if trainer.max_steps >= 0:
            steps = min(steps, trainer.max_steps)
        if math.isinf(steps):
            raise ValueError(
                "OneCycle must know the end of training: give --trainer.max_epochs or max_steps"
            )
        return int(steps)


def _update(metrics: MetricCollection, loss: Tensor, logits: Tensor, label: Tensor) -> None:
    metrics["loss"].update(loss.detach())
    metrics["acc"].update(logits.detach(), label)
