"""What all tasks share that learn from pairs of input and target."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal, cast

import torch
import torchmetrics
from lightning.pytorch import LightningModule
from lightning.pytorch.callbacks import ModelPruning
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from typing_extensions import override

from src.engine import Metric, UsageError, callbacks_of, logs_at
from src.tasks.one_cycle import OneCycle

_SPLITS = "train", "val", "test"
_VIEWS_AS_VECTORS = torch.optim.LBFGS, ModelPruning  # weights, which must lie in order for that
_BY_STEP = OneCycle, torch.optim.lr_scheduler.OneCycleLR, torch.optim.lr_scheduler.CyclicLR


class SupervisedTask(LightningModule):
    """Train a network by a loss of its output and a target; log the metrics of each split.

    A kind of task says what its loss and its metrics are, its `kind` and its `headline`. Metrics of
    the training are of all samples since the last time they were logged.

    Args:
        network: Maps inputs to what the loss takes.
        loss_fn: Loss of the training, of output and target.
        measure: Makes the metrics of a split: a torchmetrics object, of which `update` takes the
            loss of a batch, output and target, and `compute` gives `loss` and others by name.
        optimizer: Makes the optimizer of the network's parameters.
        scheduler: Makes the learning rate schedule; None keeps the rate constant.
        scheduler_interval: When the schedule moves; `OneCycle`, `OneCycleLR` and `CyclicLR` always
            do at each step.
        compile: Mode of `torch.compile` for the network; None does not compile it. It takes a
            minute and pays on a GPU; `reduce-overhead` replays CUDA graphs.
        metrics: Further metrics, of torchmetrics, by the names that they are logged by; they get
            `scores` and the target.

    Attributes:
        metrics: Metrics that are logged besides the headline, of which the best value is known.

    Raises:
        ValueError: A further metric is called as another one, or not by a plain name.
    """

    kind: ClassVar[str]  # what commands may do with a run of it
    headline: ClassVar[Metric]
    metrics: tuple[Metric, ...] = (Metric("loss", "min"),)

    def __init__(
        self,
        network: nn.Module,
        loss_fn: nn.Module,
        measure: Callable[[], torchmetrics.Metric],
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: Literal["step", "epoch"] = "epoch",
        compile: Literal["default", "reduce-overhead", "max-autotune"] | None = None,
        metrics: dict[str, torchmetrics.Metric] | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.make_optimizer = optimizer
        self.make_scheduler = scheduler
        self.scheduler_interval = scheduler_interval
        self.compile_mode = compile
        self._step_before = 0
        self._is_counted = False
        self.loss_fn = loss_fn
        self.train_metrics = measure()
        self.val_metrics = measure()
        self.test_metrics = measure()
        if metrics:
            self.metrics = (*self.metrics, *self._published(metrics))
            for split in _SPLITS:
                more = torchmetrics.MetricCollection(dict(metrics)).clone()
                self.add_module(f"more_{split}_metrics", more)

    @override
    def forward(self, inputs: Tensor) -> Tensor:
        output: Tensor = self.network(inputs.to(self.dtype))
        return output

    @property
    def sample_shape(self) -> tuple[int, ...] | None:
        """Shape of an image, if the data set publishes it; the summary counts FLOPs with it."""
        return getattr(getattr(self.trainer, "datamodule", None), "image_shape", None)

    def pair(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Take a batch apart; a subclass may take one of another structure.

        Args:
            batch: Inputs and targets.

        Returns:
            Inputs, and targets as the metrics take them.
        """
        inputs, target = batch
        return inputs, target

    def mixed(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Give what is trained on; a subclass may mix samples.

        Args:
            batch: Inputs and targets.

        Returns:
            Inputs, and targets as the loss of the training takes them.
        """
        return self.pair(batch)

    def eval_loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Compute the loss of validation and test.

        Args:
            output: What the network gives for a batch.
            target: Targets of it.

        Returns:
            Mean over the batch, `()`.
        """
        loss: Tensor = self.loss_fn(output, target)
        return loss

    def scores(self, output: Tensor) -> Tensor:
        """Turn an output into what metrics of torchmetrics take, such as probabilities.

        Args:
            output: What the network gives for a batch.

        Returns:
            The same or another tensor.
        """
        return output

    def outputs(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Choose what is said of each sample of validation and test; that of the test is kept.

        Args:
            output: What the network gives for a batch.
            target: Targets of it.

        Returns:
            Tensors `(B, ...)` by name.
        """
        return {"prediction": output, "target": target}

    def optimizer(self) -> torch.optim.Optimizer:
        """Make the optimizer; a subclass may give parameters rates of their own.

        Returns:
            The optimizer of all parameters.
        """
        return self.make_optimizer(self.parameters())

    @override
    def on_fit_start(self) -> None:
        if self.compile_mode:
            self.network.compile(mode=self.compile_mode)  # in its place: a checkpoint is the same

    @override
    def on_train_start(self) -> None:
        users = [*callbacks_of(self.trainer), *self.trainer.optimizers]
        if any(isinstance(each, _VIEWS_AS_VECTORS) for each in users):
            self.network.to(memory_format=torch.contiguous_format)
        for scheduler in [config.scheduler for config in self.trainer.lr_scheduler_configs]:
            if isinstance(scheduler, OneCycle):
                scheduler.total_steps = self._total_steps()

    @override
    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        self._step_before = self.global_step
        self._is_counted = False
        if logs_at(self.trainer, self.global_step + 1):
            self.log("train/lr", self.trainer.optimizers[0].param_groups[0]["lr"])

    @override
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        inputs, target = self.mixed(batch)
        output = self(inputs)
        loss: Tensor = self.loss_fn(output, target)
        if not self._is_counted:  # LBFGS computes it again and again before it takes its step
            self._update("train", loss, output, self.pair(batch)[1])
            self._is_counted = True
        return loss

    @override
    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        stepped = self.global_step > self._step_before  # else gradients are being accumulated
        if stepped and logs_at(self.trainer, self.global_step):
            self._log_metrics("train", in_bar="loss")

    @override
    def on_train_epoch_end(self) -> None:
        self._log_metrics("train", in_bar="loss")

    @override
    def validation_step(self, batch: Any, batch_idx: int) -> Any:
        return self.outputs(self.evaluate_batch("val", batch), self.pair(batch)[1])

    @override
    def on_validation_epoch_end(self) -> None:
        self._log_metrics("val", in_bar=self.headline.name)

    @override
    def test_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        return self.outputs(self.evaluate_batch("test", batch), self.pair(batch)[1])

    @override
    def on_test_epoch_end(self) -> None:
        self._log_metrics("test", in_bar=self.headline.name)

    @override
    def configure_optimizers(self) -> Any:
        optimizer = self.optimizer()
        if self.make_scheduler is None:
            return optimizer
        scheduler = self.make_scheduler(optimizer)
        for name in ("step_size", "T_max"):  # torch divides by them, when an epoch has been trained
            if getattr(scheduler, name, 1) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(scheduler, name)}")
        return {
            "optimizer": optimizer,
            "lr_scheduler": {
                "scheduler": scheduler,
                "interval": "step" if isinstance(scheduler, _BY_STEP) else self.scheduler_interval,
                "monitor": getattr(scheduler, "monitor", "val/loss"),  # for ReduceLROnPlateau
            },
        }

    def evaluate_batch(self, split: str, batch: Any) -> Tensor:
        """Compute the output of a batch, and count it in the metrics of a split.

        Args:
            split: `val` or `test`.
            batch: Inputs and targets.

        Returns:
            What the network gives for it.
        """
        inputs, target = self.pair(batch)
        # A CUDA graph, which `compile` may make, writes its next answer into the same memory.
        output: Tensor = self(inputs).clone()
        self._update(split, self.eval_loss(output, target), output, target)
        return output

    def _update(self, split: str, loss: Tensor, output: Tensor, target: Tensor) -> None:
        getattr(self, f"{split}_metrics").update(loss, output, target)
        if more := self._more(split):
            more.update(self.scores(output.detach()), target)

    def _log_metrics(self, split: str, in_bar: str) -> None:
        metrics = getattr(self, f"{split}_metrics")
        if metrics.update_called:
            for name, value in {**metrics.compute(), **self._computed(split)}.items():
                self.log(f"{split}/{name}", value, prog_bar=name == in_bar)
            metrics.reset()

    def _more(self, split: str) -> torchmetrics.MetricCollection | None:
        found = getattr(self, f"more_{split}_metrics", None)
        return cast(torchmetrics.MetricCollection | None, found)

    def _computed(self, split: str) -> dict[str, Tensor]:
        """Compute the further metrics, and begin anew."""
        if (more := self._more(split)) is None:
            return {}
        values: dict[str, Any] = more.compute()
        more.reset()
        for name, value in values.items():
            if not isinstance(value, Tensor) or value.numel() != 1:
                raise UsageError(
                    f"the metric {name} is more than one number: give it an average, such as macro"
                )
        return values

    def _published(self, metrics: Mapping[str, torchmetrics.Metric]) -> Iterator[Metric]:
        taken = {each.name for each in (self.headline, *self.metrics)}
        for name, metric in metrics.items():
            if name in taken or not name.isidentifier():
                raise ValueError(f"metrics cannot have the name {name!r}: give it another")
            if metric.higher_is_better is not None:
                yield Metric(name, "max" if metric.higher_is_better else "min")

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
