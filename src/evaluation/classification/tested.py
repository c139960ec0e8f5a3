"""The test of a classification in a line."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lightning.pytorch import LightningModule

from src.evaluation.classification.trained_classifier import KIND

if TYPE_CHECKING:
    from src.evaluation.classification.measures import Interval


def outcome(
    task: LightningModule, metrics: Mapping[str, float], interval: "Interval"
) -> dict[str, str]:
    """Write the accuracy of a classification with its interval.

    Args:
        task: Task that was tested.
        metrics: Figures of its run.
        interval: Bounds a true share, given the observed share and the number of trials.

    Returns:
        Text by the head of its row; none of another kind of task, or without a test.
    """
    known = {"test/acc", "test_samples"} <= metrics.keys()
    if getattr(task, "kind", "") != KIND or not known:
        return {}
    acc, count = metrics["test/acc"], int(metrics["test_samples"])
    low, high = interval(acc, count)
    return {"test accuracy": f"{acc:.2%}, 95% interval {low:.2%} to {high:.2%} ({count:,} images)"}
