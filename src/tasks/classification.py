"""Supervised classification of images."""

import math
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import override

from src.batch import Batch
from src.engine import Metric, UsageError, note
from src.tasks.loss_and_accuracy import LossAndAccuracy
from src.tasks.supervised import SupervisedTask


class ClassificationTask(SupervisedTask):
    """Train a network by cross-entropy on its logits; log loss and accuracy of each split.

    `train/loss` and `train/acc` are means over all images since the last time they were logged;
    validation and test loss never include label smoothing or class weights.

    Args:
        network: Maps images `(B, C, H, W)` to logits `(B, K)`.
        label_smoothing: Share of the training target spread evenly over all classes, in `[0, 1]`.
        class_weight: Weight of each class in the training loss, or `balanced`: inverse to the
            number of its training images.
        **settings: Those of every task: `optimizer`, `scheduler` and others.

    Raises:
        ValueError: `label_smoothing` is outside `[0, 1]`, or a weight of a class is not above 0.

    References:
        King and Zeng, "Logistic regression in rare events data", Political Analysis, 2001.
    """

    kind: ClassVar[str] = "classification"
    headline: ClassVar[Metric] = Metric("acc", "max", "percent")

    def __init__(
        self,
        network: nn.Module,
        label_smoothing: float = 0.0,
        class_weight: Literal["balanced"] | list[float] | None = None,
        **settings: Any,
    ) -> None:
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"label_smoothing must be in [0, 1], got {label_smoothing}")
        if isinstance(class_weight, list) and not all(0 < each < math.inf for each in class_weight):
            raise ValueError(f"class_weight must be finite and above 0, got {class_weight}")
        loss_fn = nn.CrossEntropyLoss(label_smoothing=label_smoothing)
        super().__init__(network, loss_fn, LossAndAccuracy, **settings)
        self.class_weight = class_weight

    @property
    def curve_notes(self) -> dict[str, str]:
        """What a reader of its curves must know, by the name of the curve."""
        parts = {
            "label smoothing": self.loss_fn.label_smoothing,
            "class weights": self.class_weight,
        }
        given = " and ".join(name for name, value in parts.items() if value)
        text = f"includes {given}, val/loss does not: one says nothing about the other"
        return {"train/loss": text} if given else {}

    @override
    def setup(self, stage: str) -> None:
        if self.class_weight and stage == "fit":  # not kept: the data give it again
            self.loss_fn.register_buffer("weight", self._class_weight(), persistent=False)

    @override
    def eval_loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(output, target)

    @override
    def scores(self, output: Tensor) -> Tensor:
        return output.softmax(dim=1)

    @override
    def validation_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return self.evaluate_batch("val", batch)  # logits, for the callback Temperature

    @override
    def outputs(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        return {"prediction": output.argmax(dim=1).short(), "label": target.short()}

    def _class_weight(self) -> Tensor:
        data = getattr(self.trainer, "datamodule", None)
        if isinstance(self.class_weight, list):
            expected = getattr(data, "num_classes", len(self.class_weight))
            if len(self.class_weight) != expected:
                raise UsageError(
                    f"class_weight has {len(self.class_weight)} weights for {expected} classes"
                )
            return torch.tensor(self.class_weight)
        if getattr(data, "balanced_sampler", False):
            note(
                "unequal classes are corrected twice, by --data.balanced_sampler and by "
                "--model.class_weight: rare classes count more than others. Leave one out"
            )
        count: Tensor | None = getattr(data, "class_counts", None)
        if count is None:
            raise UsageError(
                "class_weight balanced needs a data module that publishes class_counts: give a "
                "list of weights"
            )
        return count.sum() / (len(count) * count.clamp(min=1))
