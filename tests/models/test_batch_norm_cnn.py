import pytest
import torch
from torch import nn

from src.batch import Batch
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
    [
        {"width": 0},
        {"num_classes": 0},
        {"image_shape": (0, 28, 28)},
        {"image_shape": (1, 11, 28)},
        {"image_shape": (1, 28, 11)},
        {"dropout": 1.0},
        {"dropout": -0.1},
    ],
)
def test_impossible_sizes_are_refused(sizes: dict) -> None:
    with pytest.raises(ValueError, match="BatchNormCNN needs positive sizes"):
        BatchNormCNN(**sizes)


def test_network_is_what_its_text_says(batch: Batch) -> None:
    network = BatchNormCNN().eval()
    norms = [nn.BatchNorm2d(size).eval() for size in (24, 48, 64, 64)]
    x = batch.image
    for number, norm in enumerate(norms, 1):
        conv = getattr(network, f"conv{number}")
        x = nn.functional.conv2d(x, conv.weight, padding=(2, 1, 1, 0)[number - 1])
        x = norm(x).relu() if number > 2 else norm(nn.functional.max_pool2d(x, 2)).relu()
    torch.testing.assert_close(network(batch.image), network.fc(x.flatten(1)))
    assert network.dropout.p == 0.3
    assert [network.conv1.kernel_size, network.conv4.kernel_size] == [(5, 5), (3, 3)]


def test_smallest_sizes_are_taken() -> None:
    network = BatchNormCNN(image_shape=(1, 12, 12), num_classes=1, width=1, dropout=0.0).eval()
    assert network(torch.zeros(2, 1, 12, 12)).shape == (2, 1)
    assert network.conv2.weight.is_contiguous(memory_format=torch.channels_last)
