import torch
from torch import nn

from src.deployment.classifier import Classifier


def test_images_are_normalised_first() -> None:
    image = torch.rand(3, 2, 1, 2)
    logits, _ = Classifier(nn.Flatten(), [0.5, 0.25], [2.0, 4.0])(image)
    expected = torch.stack([(image[:, 0] - 0.5) / 2, (image[:, 1] - 0.25) / 4], 1).flatten(1)
    torch.testing.assert_close(logits, expected)


def test_temperature_divides_the_logits() -> None:
    classifier = Classifier(nn.Flatten(), 0.0, 1.0, temperature=2.0)
    logits, probability = classifier(torch.tensor([[[[0.0, 2.0]]]]))
    assert logits.tolist() == [[0.0, 2.0]]
    torch.testing.assert_close(probability, torch.tensor([[0.268941, 0.731059]]))


def test_probabilities_sum_to_one() -> None:
    _, probability = Classifier(nn.Flatten(), 0.1307, 0.3081)(torch.rand(5, 1, 2, 5))
    torch.testing.assert_close(probability.sum(1), torch.ones(5))


def test_all_that_belongs_is_saved() -> None:
    state = Classifier(nn.Linear(2, 2), 0.1307, 0.3081, 1.5).state_dict()
    assert {"mean", "std", "temperature"} < set(state)
    other = Classifier(nn.Linear(2, 2), 0.0, 1.0)
    other.load_state_dict(state)
    assert other.temperature == 1.5
