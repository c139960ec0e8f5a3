"""What a network says of each image of a split."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from src.batch import Batch
from src.engine.files.arrays import packed_arrays


class Predictions(NamedTuple):
    """The answers of a network, in the order of the images.

    Attributes:
        logits: Logits, `(N, K)`, `float32`, on the CPU.
        label: Given class indices, `(N,)`, `int64`.
        temperature: Divisor of the logits that calibrates them.
    """

    logits: Tensor
    label: Tensor
    temperature: float = 1.0

    @property
    def probability(self) -> Tensor:
        """Calibrated probability of each class, `(N, K)`."""
        return (self.logits / self.temperature).softmax(dim=1)

    @property
    def prediction(self) -> Tensor:
        """Most probable class, `(N,)`."""
        return self.logits.argmax(dim=1)

    @property
    def confidence(self) -> Tensor:
        """Calibrated probability of the predicted class, `(N,)`."""
        return self.probability.amax(dim=1)


def predict(network: nn.Module, batches: Iterable[Batch]) -> Predictions:
    """Let a network look at a split.

    Args:
        network: Maps images `(B, C, H, W)` to logits `(B, K)`.
        batches: The split, as the network gets it, on the device of the network.

    Returns:
        Its answers, not calibrated.
    """
    with torch.inference_mode():
        answers = [(network(image).float().cpu(), label.cpu()) for image, label in batches]
    logits, label = (torch.cat(part) for part in zip(*answers, strict=True))
    return Predictions(logits, label)


def confident_mistakes(answers: Predictions) -> Tensor:
    """Rank the images that a network is wrong about.

    Args:
        answers: What it said.

    Returns:
        Indices of the images, the most confident mistake first.
    """
    wrong = (answers.prediction != answers.label).nonzero().flatten()
    return wrong[answers.confidence[wrong].argsort(descending=True, stable=True)]


def archive(answers: Predictions, **more: Tensor) -> bytes:
    """Write predictions as a NumPy archive, for comparisons image by image.

    Args:
        answers: What a network said.
        **more: Further arrays by name.

    Returns:
        Content of an `.npz` file: `logits`, `label`, `prediction`, `probability` (calibrated) and
        `temperature`, in the order of the images in the split.
    """
    arrays = {"logits": answers.logits, "label": answers.label, "prediction": answers.prediction}
    arrays |= {"probability": answers.probability, **more}
    arrays["temperature"] = torch.tensor(answers.temperature, dtype=torch.float64)
    return packed_arrays(arrays)
