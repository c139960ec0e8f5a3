"""Supervised classification of images."""

import math
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from typing_extensions import override

from src.batch import Batch
from src.engine import Metric, UsageError, logs_at
from src.tasks.loss_and_accuracy import LossAndAccuracy
from src.tasks.one_cycle import OneCycle


class ClassificationTask(LightningModule):
    """Train a network by cross-entropy on its logits; log loss and accuracy of each split.

    `train/loss` and `train/acc` are means over all images since the last time they were logged;
    validation and test loss never include label smoothing or class weights.

    Args:
        network: Maps images `(B, C, H, W)` to logits `(B, K)`.
        optimizer: Makes the optimizer of the network's parameters.
        scheduler: Makes the learning rate schedule; None keeps the rate constant.
        scheduler_interval: When the schedule moves; `OneCycle` always does at each step.
        label_smoothing: Share of the training target spread evenly over all classes, in `[0, 1]`.
        class_weight: Weight of each class in the training loss, or `balanced`: inverse to the
            number of its training images.
        compile: Mode of `torch.compile` for the network; None does not compile it. It takes a
            minute and pays on a GPU; `reduce-overhead` replays CUDA graphs.

    Raises:
        ValueError: `label_smoothing` is outside `[0, 1]`, or a weight of a class is not above 0.

    References:
        King and Zeng, "Logistic regression in rare events data", Political Analysis, 2001.
    """

    kind: ClassVar[str] = "classification"  # what commands may do with a run of it
    headline: ClassVar[Metric] = Metric("acc", "max", "percent")
    metrics: ClassVar[tuple[Metric, ...]] = (Metric("loss", "min"),)

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: Literal["step", "epoch"] = "epoch",
        label_smoothing: float = 0.0,
        class_weight: Literal["balanced"] | list[float] | None = None,
        compile: Literal["default", "reduce-overhead", "max-autotune"] | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"label_smoothing must be in [0, 1], got {label_smoothing}")
        if isinstance(class_weight, list) and not all(0 < each < math.inf for each in class_weight):
            raise ValueError(f"class_weight must be finite and above 0, got {class_weight}")
        self.network = network
        self.make_optimizer = optimizer
        self.make_scheduler = scheduler
        self.scheduler_interval = scheduler_interval
        self.compile_mode = compile
        self.class_weight = class_weight
        self._step_before = 0
        self.loss_fn = nn.CrossEntropyLoss(label_smoothing=label_smoothing)
        self.train_metrics = LossAndAccuracy()
        self.val_metrics = LossAndAccuracy()
        self.test_metrics = LossAndAccuracy()

    @override
    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.network(image.to(self.dtype))
        return logits

    @property
    def sample_shape(self) -> tuple[int, ...] | None:
        """Shape of an image, if the data set publishes it; the summary counts FLOPs with it."""
        return getattr(getattr(self.trainer, "datamodule", None), "image_shape", None)

    @override
    def setup(self, stage: str) -> None:
        if self.class_weight and stage == "fit":  # not kept: the data give it again
            self.loss_fn.register_buffer("weight", self._class_weight(), persistent=False)

    @override
    def on_fit_start(self) -> None:
        if self.compile_mode:
            self.network.compile(mode=self.compile_mode)  # in its place: a checkpoint is the same

    @override
    def on_train_start(self) -> None:
        for scheduler in [config.scheduler for config in self.trainer.lr_scheduler_configs]:
            if isinstance(scheduler, OneCycle):
                scheduler.total_steps = self._total_steps()

    @override
    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        self._step_before = self.global_step
        if logs_at(self.trainer, self.global_step + 1):
            self.log("train/lr", self.trainer.optimizers[0].param_groups[0]["lr"])

    @override
    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        image, target = self.mixed(batch)
        logits = self(image)
        loss: Tensor = self.loss_fn(logits, target)
        self.train_metrics.update(loss, logits, batch.label)
        return loss

    @override
    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        stepped = self.global_step > self._step_before  # else gradients are being accumulated
        if stepped and logs_at(self.trainer, self.global_step):
            self._log_metrics("train", self.train_metrics, in_bar="loss")

    @override
    def on_train_epoch_end(self) -> None:
        self._log_metrics("train", self.train_metrics, in_bar="loss")

    @override
    def validation_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return self._evaluate(self.val_metrics, batch)

    @override
    def on_validation_epoch_end(self) -> None:
        self._log_metrics("val", self.val_metrics, in_bar="acc")

    @override
    def test_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        logits = self._evaluate(self.test_metrics, batch)
        return {"prediction": logits.argmax(dim=1).short(), "label": batch.label.short()}

    @override
    def on_test_epoch_end(self) -> None:
        self._log_metrics("test", self.test_metrics, in_bar="acc")

    @override
    def configure_optimizers(self) -> Any:
        optimizer = self.optimizer()
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

    def mixed(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Give what is trained on; a subclass may mix images.

        Args:
            batch: Images and labels.

        Returns:
            Images, `(B, C, H, W)`, and labels `(B,)` or shares of the classes `(B, K)`.
        """
        return batch.image, batch.label

    def optimizer(self) -> torch.optim.Optimizer:
        """Make the optimizer; a subclass may give parameters rates of their own.

        Returns:
            The optimizer of all parameters.
        """
        return self.make_optimizer(self.parameters())

    def _class_weight(self) -> Tensor:
        data = getattr(self.trainer, "datamodule", None)
        if isinstance(self.class_weight, list):
            expected = getattr(data, "num_classes", len(self.class_weight))
            if len(self.class_weight) != expected:
                raise UsageError(
                    f"class_weight has {len(self.class_weight)} weights for {expected} classes"
                )
            return torch.tensor(self.class_weight)
        count: Tensor | None = getattr(data, "class_counts", None)
        if count is None:
            raise UsageError(
                "class_weight balanced needs a data module that publishes class_counts: give a "
                "list of weights"
            )
        return count.sum() / (len(count) * count.clamp(min=1))

    def _evaluate(self, metrics: LossAndAccuracy, batch: Batch) -> Tensor:
        # A CUDA graph, which `compile` may make, writes its next answer into the same memory.
        logits: Tensor = self(batch.image).clone()
        metrics.update(F.cross_entropy(logits, batch.label), logits, batch.label)
        return logits

    def _log_metrics(self, split: str, metrics: LossAndAccuracy, in_bar: str) -> None:
        if metrics.update_called:
            for name, value in metrics.compute().items():
                self.log(f"{split}/{name}", value, prog_bar=name == in_bar)
            metrics.reset()

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
