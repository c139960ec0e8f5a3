"""A small decoder-only transformer: from the tokens of a text to the next one at each place."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import override


class CausalTransformer(nn.Module):
    """Guess the next token at each place of a text, from those before it alone.

    Places are told by rotation, so a text may have any length. With the default sizes it has
    859,136 parameters.

    Args:
        num_classes: Number of tokens that there are K.
        width: Features of a token; a multiple of twice `heads`.
        depth: Number of blocks, each of attention and a layer on every token alone.
        heads: Parts of the features that attend by themselves.
        dropout: Share of the features that are set to 0 in training, in `[0, 1)`.

    Raises:
        ValueError: The sizes do not fit.

    References:
        Vaswani et al., "Attention is all you need", 2017. arXiv:1706.03762
        Su et al., "RoFormer: enhanced transformer with rotary position embedding", 2021.
        arXiv:2104.09864
    """

    def __init__(
        self,
        num_classes: int = 256,
        width: int = 128,
        depth: int = 4,
        heads: int = 4,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if min(num_classes, width, depth, heads) < 1 or width % (2 * heads) or not 0 <= dropout < 1:
            raise ValueError(
                "CausalTransformer needs positive sizes, a width that is a multiple of 2 heads and "
                f"dropout in [0, 1), got {num_classes=}, {width=}, {depth=}, {heads=}, {dropout=}"
            )
        self.embedding = nn.Embedding(num_classes, width)
        self.blocks = nn.Sequential(*(_Block(width, heads, dropout) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, num_classes)
        for each in (self.embedding, self.head):  # else the first guess is far from even
            nn.init.normal_(each.weight, std=0.02)

    @override
    def forward(self, token: Tensor) -> Tensor:
        """Compute the logits of the token after each one.

        Args:
            token: Tokens, `(B, T)`, `int64` in `[0, K)`.

        Returns:
            Logits, `(B, T, K)`.
        """
        logits: Tensor = self.head(self.norm(self.blocks(self.embedding(token))))
        return logits


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        wide = nn.Linear(width, 4 * width)
        self.alone = nn.Sequential(
            nn.LayerNorm(width), wide, nn.GELU(), nn.Linear(4 * width, width)
        )

    @override
    def forward(self, x: Tensor) -> Tensor:
        parts = self.query_key_value(self.norm(x)).unflatten(-1, (3, self.heads, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each (B, heads, T, width / heads)
        seen = F.scaled_dot_product_attention(_turned(query), _turned(key), value, is_causal=True)
        x = x + self.dropout(self.mix(seen.transpose(1, 2).flatten(2)))
        x = x + self.dropout(self.alone(x))
        return x  # noqa: RET504


def _turned(x: Tensor) -> Tensor:
    """Turn pairs of features by angles that grow with the place, `(B, heads, T, features)`."""
    pairs = x.shape[-1] // 2
    speed = 10_000 ** (-torch.arange(pairs, device=x.device) / pairs)
    angle = torch.arange(x.shape[-2], device=x.device).unsqueeze(1) * speed  # (T, pairs)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
