"""How good predictions are, in numbers."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from scipy.stats import binomtest
from torch import Tensor
from torchmetrics.functional.classification import (
    multiclass_calibration_error,
    multiclass_confusion_matrix,
    multiclass_f1_score,
    multiclass_precision,
    multiclass_recall,
)

from src.evaluation.classification.predictions import Predictions

BINS = 15  # of equal width, as in the paper of Guo et al.


def measure(answers: Predictions, disputed: Sequence[int] = ()) -> dict[str, Any]:
    """Compute everything that an evaluation reports.

    Args:
        answers: What a network said of a split.
        disputed: Indices of images whose label is disputed.

    Returns:
        Plain values: `accuracy` and `undisputed` (each a share, its interval and the number of
        images), `classes` (precision, recall, F1 and images of each), `confusion` (label by
        prediction), `confused` (label, prediction and count), `loss` and `ece`, and both again
        with the temperature, and `temperature`.

    References:
        Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017,
        for `ece`. arXiv:1706.04599
    """
    num_classes = answers.logits.shape[1]
    confusion = multiclass_confusion_matrix(answers.prediction, answers.label, num_classes)
    right = answers.prediction == answers.label
    kept = torch.ones_like(right)
    kept[list(disputed)] = False
    return {
        "accuracy": _share(right),
        "undisputed": _share(right[kept]) if disputed else None,
        "classes": _by_class(answers, num_classes),
        "confusion": confusion.tolist(),
        "confused": most_confused(confusion),
        **_calibration(answers.logits, answers.label),
        "calibrated": _calibration(answers.logits / answers.temperature, answers.label),
        "temperature": answers.temperature,
    }


def most_confused(confusion: Tensor, most: int = 10) -> list[tuple[int, int, int]]:
    """Rank the pairs of classes that are taken for one another.

    Args:
        confusion: Number of images, `(K, K)`, label by prediction.
        most: How many pairs to name.

    Returns:
        Label, prediction and count of each pair that occurs, the most frequent first.
    """
    wrong = confusion - confusion.diag().diag()
    order = wrong.flatten().argsort(descending=True, stable=True)[:most].tolist()
    pairs = [divmod(place, len(wrong)) for place in order]
    return [(label, said, int(wrong[label, said])) for label, said in pairs if wrong[label, said]]


def reliability(probability: Tensor, label: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Compare how sure a network is with how often it is right, in bins of confidence.

    Args:
        probability: Probabilities, `(N, K)`.
        label: Class indices, `(N,)`.

    Returns:
        Mean confidence and accuracy of each bin, not a number where it is empty, and its number of
        images, each `(BINS,)`.
    """
    confidence, prediction = probability.double().max(dim=1)
    place = (confidence * BINS).ceil().long().clamp(1, BINS) - 1
    count = torch.bincount(place, minlength=BINS)
    right = (prediction == label).double()
    sure = torch.bincount(place, confidence, minlength=BINS) / count
    return sure, torch.bincount(place, right, minlength=BINS) / count, count


def _share(right: Tensor) -> dict[str, Any]:
    found, count = int(right.sum()), len(right)
    interval = binomtest(found, count).proportion_ci(method="wilson")
    return {"share": found / count, "interval": [*map(float, interval)], "images": count}


def _by_class(answers: Predictions, num_classes: int) -> dict[str, list[float]]:
    measures = {
        "precision": multiclass_precision,
        "recall": multiclass_recall,
        "f1": multiclass_f1_score,
    }
    found = {
        name: measure(answers.prediction, answers.label, num_classes, average="none").tolist()
        for name, measure in measures.items()
    }
    return found | {"images": torch.bincount(answers.label, minlength=num_classes).tolist()}


def _calibration(logits: Tensor, label: Tensor) -> dict[str, float]:
    probability = logits.softmax(dim=1)
    ece = multiclass_calibration_error(probability, label, logits.shape[1], n_bins=BINS)
    return {"loss": F.cross_entropy(logits, label).item(), "ece": ece.item()}
