"""Classification of samples that may be of several classes at once, or of none."""

import math
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
import torchmetrics
from torch import Tensor, nn
from typing_extensions import override

from src.engine import Metric
from src.tasks.supervised import SupervisedTask


class MultiLabelTask(SupervisedTask):
    """Train a network by binary cross-entropy on its logits; log macro F1 of each split.

    A class is predicted where its logit is above 0. `acc` is the share of right answers, of which
    each sample has one for each class. Validation and test loss never include `pos_weight`.

    Args:
        network: Maps inputs to logits, `(B, K)`.
        pos_weight: Weight of the samples that are of a class in the training loss, for each class.
        **settings: Those of every task: `optimizer`, `scheduler` and others.

    Raises:
        ValueError: A weight is not above 0.
    """

    kind: ClassVar[str] = "multi_label"
    headline: ClassVar[Metric] = Metric("f1", "max")
    metrics: tuple[Metric, ...] = (Metric("loss", "min"), Metric("acc", "max", "percent"))

    def __init__(
        self, network: nn.Module, pos_weight: list[float] | None = None, **settings: Any
    ) -> None:
        if pos_weight and not all(0 < each < math.inf for each in pos_weight):
            raise ValueError(f"pos_weight must be finite and above 0, got {pos_weight}")
        super().__init__(network, nn.BCEWithLogitsLoss(), LossAndF1, **settings)
        weight = torch.tensor(pos_weight) if pos_weight else None
        self.loss_fn.register_buffer("pos_weight", weight, persistent=False)

    @override
    def pair(self, batch: Any) -> tuple[Tensor, Tensor]:
        inputs, target = batch
        return inputs, target.long()

    @override
    def mixed(self, batch: Any) -> tuple[Tensor, Tensor]:
        inputs, target = self.pair(batch)
        return inputs, target.to(self.dtype)

    @override
    def eval_loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(output, target.to(output.dtype))

    @override
    def scores(self, output: Tensor) -> Tensor:
        return output.sigmoid()

    @override
    def outputs(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        return {"probability": output.float().sigmoid(), "target": target > 0}


class LossAndF1(torchmetrics.Metric):
    """Mean loss, macro F1 and share of right answers over all samples since the last reset.

    F1 of a class that is neither given nor predicted is 0, as for torchmetrics and scikit-learn.
    """

    full_state_update = False
    loss: Tensor
    samples: Tensor
    counts: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("loss", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("samples", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("counts", torch.zeros(3, 1, dtype=torch.int64), dist_reduce_fx="sum")

    @override
    def update(self, loss: Tensor, output: Tensor, target: Tensor) -> None:
        """Add a batch.

        Args:
            loss: Mean loss of its samples, `()`.
            output: Logits, `(B, K)`.
            target: 1 where a sample is of a class, else 0, `(B, K)`.
        """
        said, given = output > 0, target > 0
        parts = said & given, said ^ given, said | given  # right, wrong, and all that count
        self.counts = self.counts + torch.stack([part.sum(dim=0) for part in parts])  # (3, K)
        self.loss.add_(loss.detach(), alpha=len(target))
        self.samples.add_(len(target))

    @override
    def compute(self) -> dict[str, Tensor]:
        """Divide the sums over all processes.

        Returns:
            `loss`, `f1` and `acc`, each `()`.
        """
        both, wrong, either = self.counts  # each (K,)
        return {
            "loss": self.loss / self.samples,
            "f1": (2 * both / (both + either).clamp(min=1)).mean(),
            "acc": 1 - (wrong / self.samples).mean(),
        }
