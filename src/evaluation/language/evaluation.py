"""How well a language model guesses a text, and what it writes itself."""

import math
from collections.abc import Callable
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from src.evaluation.picture import pixels
from src.evaluation.wing import Addition, Split

_SURPRISING = 3  # passages that are shown
_BEGIN, _WRITTEN = 64, 256  # tokens that a sample is given, and that it adds
_SAMPLES = 2
_TEXT = 300  # letters of a text in a row

Decode = Callable[[Tensor], str]


def evaluate(split: Split) -> Addition:
    """Measure the loss by place, find the most surprising passages, and let the network write.

    Args:
        split: A split with `token_loss` and `token` of each sequence, `(N, T)`; where its data set
            has `decode`, which writes tokens as text, passages and samples are shown.

    Returns:
        Perplexity and bits of a token, passages and samples, and the loss by place.
    """
    loss, token = split.outputs["token_loss"].double(), split.outputs["token"]
    mean, bits = loss.mean().item(), loss.mean(1) / math.log(2)
    spread = 1.96 * bits.std().item() / math.sqrt(len(bits)) if len(bits) > 1 else math.nan
    rows = {
        "perplexity": f"{math.exp(mean):.4f}",
        "bits a token": f"{bits.mean():.4f} +- {spread:.4f} (95% over sequences)",
        "tokens": f"{token.numel():,} in {len(token):,} sequences of {token.shape[1]}",
    }
    worst = bits.argsort(descending=True, stable=True)[:_SURPRISING].tolist()
    values: dict[str, Any] = {"perplexity": math.exp(mean), "bits": bits.mean().item()}
    values["surprising"] = [{"index": index, "bits": bits[index].item()} for index in worst]
    if decode := getattr(split.data, "decode", None):
        for number, each in enumerate(values["surprising"]):
            each["text"] = decode(token[each["index"]])
            rows[f"surprising {number + 1}"] = f"{each['bits']:.2f} bits: {_line(each['text'])}"
        values["samples"] = [_sample(split, each, decode) for each in token[:_SAMPLES]]
        for number, each in enumerate(values["samples"]):
            rows[f"sample {number + 1}"] = _line(f"{each['begin']} | {each['written']}")
    return Addition(rows, values, {"loss_by_place": pixels(draw_places(loss / math.log(2)))})


def draw_places(bits: Tensor) -> Figure:
    """Draw how much a token is worth by how many stood before it in its sequence.

    Args:
        bits: Loss of each token, `(N, T)` [bit].

    Returns:
        A figure that no window shows.
    """
    figure = Figure(figsize=(6.4, 4), dpi=120, layout="constrained")
    axes = figure.add_subplot(title="does more text before it help?")
    axes.plot(range(1, bits.shape[1] + 1), bits.mean(0))
    axes.set(xlabel="tokens before it", ylabel="bits of a token", ylim=(0, None))
    axes.grid(alpha=0.3)
    return figure


def _sample(split: Split, token: Tensor, decode: Decode) -> dict[str, str]:
    """Let the network go on from the beginning of a sequence, always with the same dice."""
    generator = torch.Generator().manual_seed(0)
    text = begin = token[:_BEGIN].long().unsqueeze(0)  # (1, T)
    with torch.inference_mode():
        for _ in range(_WRITTEN):
            seen = text[:, -len(token) :].to(split.task.device)  # as much as it has learned to see
            chance = split.task(seen)[0, -1].float().cpu().softmax(0)
            following = chance.multinomial(1, generator=generator)
            text = torch.cat([text, following.view(1, 1)], dim=1)
    return {"begin": decode(begin[0]), "written": decode(text[0, begin.shape[1] :])}


def _line(text: str) -> str:
    """Write a passage in one line, spaces and ends of lines as one space."""
    return " ".join(text.split())[:_TEXT]
