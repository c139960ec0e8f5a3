from types import SimpleNamespace as Fake

import pytest

from src.evaluation.classification.tested import outcome

METRICS = {"test/acc": 0.5, "test_samples": 1000.0}


def test_accuracy_is_told_with_its_interval() -> None:
    said = outcome(Fake(kind="classification"), METRICS)
    assert said == {"test accuracy": "50.00%, 95% interval 46.91% to 53.09% (1,000 images)"}


@pytest.mark.parametrize(
    ("kind", "metrics"),
    [("regression", METRICS), ("classification", {"test_samples": 9.0}), ("", METRICS)],
)
def test_nothing_is_told_of_another_task_or_without_a_test(kind: str, metrics: dict) -> None:
    assert outcome(Fake(kind=kind), metrics) == {}
