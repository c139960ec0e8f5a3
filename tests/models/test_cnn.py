import pytest
import torch
from torch import Tensor, nn

from src.batch import Batch
from src.models import CNN


def test_cnn_has_the_notebooks_parameters() -> None:
    assert sum(parameter.numel() for parameter in CNN().parameters()) == 875_082


def test_cnn_equals_the_notebooks_network(batch: Batch) -> None:
    cnn = CNN()

    def notebook(x: Tensor) -> Tensor:
        pool = nn.MaxPool2d(2)
        x = pool(torch.relu(cnn.conv1(x)))
        x = pool(torch.relu(cnn.conv2(x)))
        x = torch.relu(cnn.fc1(x.reshape(-1, 7 * 7 * 32)))
        return cnn.fc3(torch.relu(cnn.fc2(x)))

    torch.testing.assert_close(cnn(batch.image), notebook(batch.image))


@pytest.mark.parametrize(
    "sizes",
    [
        {"width": 0},
        {"num_classes": 0},
        {"image_shape": (0, 28, 28)},
        {"image_shape": (1, 3, 28)},
        {"image_shape": (1, 28, 3)},
        {"hidden": (0, 1)},
        {"hidden": (1, 0)},
    ],
)
def test_cnn_refuses_impossible_sizes(sizes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="CNN needs positive sizes"):
        CNN(**sizes)


def test_smallest_sizes_are_taken() -> None:
    cnn = CNN(image_shape=(1, 4, 4), num_classes=1, width=1, hidden=(1, 1))
    assert cnn(torch.zeros(2, 1, 4, 4)).shape == (2, 1)
    assert cnn.conv1.weight.is_contiguous(memory_format=torch.channels_last)
