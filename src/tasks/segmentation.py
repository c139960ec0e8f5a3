"""Supervised semantic segmentation: the class of each pixel."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torchmetrics.classification import MulticlassJaccardIndex
from typing_extensions import override

from src.engine import Metric, UsageError
from src.tasks.supervised import SupervisedTask


class SegmentationTask(SupervisedTask):
    """Train a network by the cross-entropy of each pixel; log loss and mean IoU of each split.

    The mean IoU is that of the classes that occur, each counted over all pixels of the split.

    Args:
        network: Maps images `(B, C, H, W)` to logits `(B, K, H, W)`, or to a mapping that has them
            as `out`, as torchvision's do.
        num_classes: Number of classes K.
        ignore_index: Label of pixels that count neither in the loss nor in a metric.
        **settings: Those of every task: `optimizer`, `scheduler` and others.

    Raises:
        ValueError: `ignore_index` is a class.
    """

    kind: ClassVar[str] = "segmentation"
    headline: ClassVar[Metric] = Metric("miou", "max", "percent")

    def __init__(
        self, network: nn.Module, num_classes: int, ignore_index: int = 255, **settings: Any
    ) -> None:
        if 0 <= ignore_index < num_classes:
            raise ValueError(
                f"ignore_index must be no class of the {num_classes}, got {ignore_index}: give its "
                "pixels another label, such as 255"
            )
        measure = partial(LossAndIoU, num_classes, ignore_index)
        super().__init__(network, _PixelLoss(num_classes, ignore_index), measure, **settings)
        self.num_classes = num_classes
        self.ignore_index = ignore_index

    @override
    def forward(self, inputs: Tensor) -> Tensor:
        output: Any = self.network(inputs.to(self.dtype))
        logits: Tensor = output["out"] if isinstance(output, Mapping) else output
        return logits

    @override
    def scores(self, output: Tensor) -> Tensor:
        return output.softmax(dim=1)

    @override
    def outputs(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        prediction, known = output.argmax(dim=1), target != self.ignore_index  # (B, H, W)
        common, pixels = (
            self._count(target, where) for where in (known & (prediction == target), known)
        )
        either = self._count(prediction, known) + pixels - common
        return {"intersection": common, "union": either, "pixels": pixels}

    def _count(self, label: Tensor, where: Tensor) -> Tensor:
        """Count the pixels of each class in each image, `(B, K)`."""
        first = self.num_classes * torch.arange(len(label), device=label.device)
        places = (first.view(-1, 1, 1) + label)[where]
        counts = places.bincount(minlength=len(label) * self.num_classes)
        return counts.view(len(label), -1).int()


class LossAndIoU(MulticlassJaccardIndex):
    """Mean loss, and mean intersection over union of the classes, over all known pixels.

    Args:
        num_classes: Number of classes K.
        ignore_index: Label of pixels that do not count.
    """

    loss: Tensor
    pixels: Tensor

    def __init__(self, num_classes: int, ignore_index: int) -> None:
        super().__init__(num_classes, ignore_index=ignore_index, validate_args=False)
        self.add_state("loss", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("pixels", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self._ignored = ignore_index

    @override
    def update(self, loss: Tensor, logits: Tensor, label: Tensor) -> None:  # type: ignore[override]
        """Add a batch.

        Args:
            loss: Mean loss of its pixels, `()`.
            logits: Logits, `(B, K, H, W)`.
            label: Class indices, `(B, H, W)`.
        """
        super().update(logits.argmax(dim=1), label)
        known = (label != self._ignored).sum()
        self.loss.add_(torch.where(known > 0, loss.detach() * known, 0))  # of no pixel it is NaN
        self.pixels.add_(known)

    @override
    def compute(self) -> dict[str, Tensor]:  # type: ignore[override]
        """Take the means.

        Returns:
            `loss` and `miou`, each `()`.
        """
        return {"loss": self.loss / self.pixels, "miou": super().compute()}


class _PixelLoss(nn.CrossEntropyLoss):
    """Cross-entropy of pixels; in one row they may be bytes, and a GPU adds them in one order."""

    def __init__(self, num_classes: int, ignore_index: int) -> None:
        super().__init__(ignore_index=ignore_index)
        self.num_classes = num_classes

    @override
    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        expected = (len(target), self.num_classes, *target.shape[1:])
        if input.shape != expected:
            raise UsageError(
                f"the network gives logits of {tuple(input.shape)}, and masks of "
                f"{tuple(target.shape)} with {self.num_classes} classes need {expected}"
            )
        return super().forward(input.movedim(1, -1).flatten(0, -2), target.flatten())
