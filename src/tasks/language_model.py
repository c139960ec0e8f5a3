"""A language model: the next token of a text, from those before it."""

import math
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
import torchmetrics
from torch import Tensor, nn
from typing_extensions import override

from src.engine import Metric
from src.tasks.supervised import SupervisedTask


class LanguageModelTask(SupervisedTask):
    """Train a network to guess the next token; log loss, perplexity and bits of each split.

    Perplexity is e to the mean loss of a token, in nats; bits are the same loss in bits: of
    bytes as tokens, the bits that a byte of the text is worth.

    Args:
        network: Maps tokens `(B, T)` to logits `(B, T, K)`, of which those at a place depend on no
            later token.
        **settings: Those of every task: `optimizer`, `scheduler` and others.
    """

    kind: ClassVar[str] = "language"
    headline: ClassVar[Metric] = Metric("perplexity", "min")
    metrics: tuple[Metric, ...] = (Metric("loss", "min"), Metric("bits", "min"))

    def __init__(self, network: nn.Module, **settings: Any) -> None:
        super().__init__(network, _NextToken(), LossAndPerplexity, **settings)

    @override
    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.network(inputs)  # of whole numbers, whatever the precision
        return logits

    @override
    def scores(self, output: Tensor) -> Tensor:
        return output.softmax(dim=-1).movedim(-1, 1)  # (B, K, T)

    @override
    def outputs(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        loss = F.cross_entropy(output.movedim(-1, 1).float(), target, reduction="none")
        return {"token_loss": loss.half(), "token": target.int()}  # each (B, T)


class LossAndPerplexity(torchmetrics.Metric):
    """Mean loss of a token, as it is, as perplexity and in bits."""

    full_state_update = False
    loss: Tensor
    tokens: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("loss", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("tokens", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    @override
    def update(self, loss: Tensor, logits: Tensor, token: Tensor) -> None:
        """Add a batch.

        Args:
            loss: Mean loss of its tokens, `()`.
            logits: Logits, `(B, T, K)`.
            token: What was to be guessed, `(B, T)`.
        """
        self.loss.add_(loss.detach(), alpha=token.numel())
        self.tokens.add_(token.numel())

    @override
    def compute(self) -> dict[str, Tensor]:
        """Take the mean over all tokens.

        Returns:
            `loss`, `perplexity` and `bits`, each `()`.
        """
        loss = self.loss / self.tokens
        return {"loss": loss, "perplexity": loss.exp(), "bits": loss / math.log(2)}


class _NextToken(nn.CrossEntropyLoss):
    @override
    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return super().forward(input.flatten(0, -2), target.flatten())
