"""Numbers of an evaluation, by hand and against scikit-learn."""

import pytest
import torch
from sklearn.metrics import log_loss, precision_recall_fscore_support

from src.evaluation.classification.measures import BINS, measure, most_confused, reliability
from src.evaluation.classification.predictions import Predictions


def answers(temperature: float = 1.0) -> Predictions:
    generator = torch.Generator().manual_seed(0)
    label = torch.randint(10, (500,), generator=generator)
    logits = torch.randn(500, 10, generator=generator) + 2 * torch.eye(10)[label]
    return Predictions(logits, label, temperature)


def test_shares_have_interval_and_count() -> None:
    found = measure(answers())["accuracy"]
    right = (answers().prediction == answers().label).float().mean().item()
    assert found["share"] == pytest.approx(right)
    assert found["images"] == 500
    assert found["interval"][0] < right < found["interval"][1]


@pytest.mark.parametrize(
    ("right", "low", "high"),
    [(9900, 0.987853, 0.991771), (10_000, 0.999616, 1.0), (0, 0.0, 0.000384)],
)  # Wilson's formula by hand
def test_interval_of_a_share_stays_between_none_and_all(
    right: int, low: float, high: float
) -> None:
    label = torch.zeros(10_000, dtype=torch.long)
    logits = torch.eye(2)[(torch.arange(10_000) >= right).long()]
    found = measure(Predictions(logits, label, 1.0))["accuracy"]["interval"]
    assert found == pytest.approx([low, high], abs=1e-6)
    assert 0 <= found[0] <= found[1] <= 1


def test_disputed_images_are_left_out() -> None:
    wrong = (answers().prediction != answers().label).nonzero().flatten()[:5].tolist()
    found = measure(answers(), wrong)
    assert found["undisputed"]["images"] == 495
    assert found["undisputed"]["share"] == pytest.approx(found["accuracy"]["share"] * 500 / 495)
    assert measure(answers())["undisputed"] is None


def test_classes_agree_with_scikit_learn() -> None:
    found = measure(answers())["classes"]
    expected = precision_recall_fscore_support(answers().label, answers().prediction)
    for name, values in zip(("precision", "recall", "f1", "images"), expected, strict=True):
        assert found[name] == pytest.approx(values.tolist(), abs=1e-6)


def test_losses_agree_with_scikit_learn() -> None:
    found = measure(answers(2.0))
    label, logits = answers().label, answers().logits
    assert found["loss"] == pytest.approx(log_loss(label, logits.double().softmax(dim=1)), rel=1e-5)
    expected = log_loss(label, (logits.double() / 2).softmax(dim=1))
    assert found["calibrated"]["loss"] == pytest.approx(expected, rel=1e-5)


def test_bins_add_up_to_calibration_error() -> None:
    probability, label = answers().probability, answers().label
    confidence, accuracy, count = reliability(probability, label)
    assert count.sum() == 500
    gap = (confidence - accuracy).abs().nan_to_num() * count / 500
    assert gap.sum().item() == pytest.approx(measure(answers())["ece"], abs=1e-5)


def test_certain_and_right_is_one_full_bin() -> None:
    _, accuracy, count = reliability(torch.eye(10), torch.arange(10))
    assert count.tolist() == [0] * (BINS - 1) + [10]
    assert accuracy[-1] == 1


def test_confused_pairs_are_ranked() -> None:
    confusion = torch.tensor([[9, 1, 0], [4, 9, 0], [0, 2, 9]])
    assert most_confused(confusion) == [(1, 0, 4), (2, 1, 2), (0, 1, 1)]
    assert most_confused(confusion, most=1) == [(1, 0, 4)]


def test_equally_confused_pairs_keep_their_order_and_ten_are_named() -> None:
    pairs = [(label, said, 1) for label in range(5) for said in range(5) if label != said]
    assert most_confused(torch.ones(5, 5, dtype=torch.long)) == pairs[:10]


def test_class_without_images_is_counted() -> None:
    found = measure(Predictions(torch.eye(3)[[0, 1, 0]], torch.tensor([0, 1, 1]), 1.0))
    assert found["classes"]["images"] == [1, 2, 0]


def test_network_that_knows_nothing_is_in_the_lowest_bin() -> None:
    confidence, _, count = reliability(torch.full((4, 20), 0.05), torch.arange(4))
    assert count.tolist() == [4] + [0] * (BINS - 1)
    assert confidence[0].item() == pytest.approx(0.05)


def test_confidence_at_an_edge_is_in_the_lower_bin() -> None:
    confidence = torch.tensor([1 / 3, 0.34, 0.4, 1.0], dtype=torch.double)
    probability = torch.stack([confidence, *[(1 - confidence) / 9] * 9], dim=1)
    mean, accuracy, count = reliability(probability, torch.tensor([0, 1, 0, 0]))
    assert count.nonzero().flatten().tolist() == [4, 5, 14]
    assert count[[4, 5, 14]].tolist() == [1, 2, 1]
    assert mean[[4, 5, 14]].tolist() == pytest.approx([1 / 3, 0.37, 1])
    assert accuracy[[4, 5, 14]].tolist() == [1, 0.5, 1]
    assert BINS == 15
