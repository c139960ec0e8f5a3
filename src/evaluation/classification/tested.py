"""The test of a classification in a line."""

from collections.abc import Mapping

from lightning.pytorch import LightningModule

from src.evaluation.classification.trained_classifier import KIND


def outcome(task: LightningModule, metrics: Mapping[str, float]) -> dict[str, str]:
    """Write the accuracy of a classification with its interval.

    Args:
        task: Task that was tested.
        metrics: Figures of its run.

    Returns:
        Text by the head of its row; none of another kind of task, or without a test.
    """
    known = {"test/acc", "test_samples"} <= metrics.keys()
    if getattr(task, "kind", "") != KIND or not known:
        return {}
    from scipy.stats import binomtest  # which takes long to load

    acc, count = metrics["test/acc"], int(metrics["test_samples"])
    low, high = binomtest(round(acc * count), count).proportion_ci(method="wilson")
    return {"test accuracy": f"{acc:.2%}, 95% interval {low:.2%} to {high:.2%} ({count:,} images)"}
