import pytest
import torch

from src.models import BatchNormCNN


def test_parameters_are_as_many_as_documented() -> None:
    assert sum(parameter.numel() for parameter in BatchNormCNN().parameters()) == 91_890


def test_dropout_is_of_training_alone() -> None:
    network, image = BatchNormCNN(dropout=0.5), torch.randn(4, 1, 28, 28)
    assert not torch.equal(network(image), network(image))
    network.eval()
    assert torch.equal(network(image), network(image))


@pytest.mark.parametrize(
    "sizes",
    [{"width": 0}, {"num_classes": 0}, {"image_shape": (1, 11, 28)}, {"dropout": 1.0}],
)
def test_impossible_sizes_are_refused(sizes: dict) -> None:
    with pytest.raises(ValueError, match="BatchNormCNN needs positive sizes"):
        BatchNormCNN(**sizes)
