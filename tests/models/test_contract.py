"""What every network in `src.models` must do; a new one is found by itself."""

import pytest
import torch
from torch import nn

from src import models
from src.batch import Batch

NETWORKS = [item for item in vars(models).values() if isinstance(item, type)]


@pytest.fixture(params=NETWORKS, ids=lambda network: network.__name__)
def network(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    return request.param(image_shape=(1, 28, 28), num_classes=10)


def test_network_maps_images_to_logits(network: nn.Module, batch: Batch) -> None:
    assert network(batch.image).shape == (20, 10)


def test_network_returns_logits_not_probabilities(network: nn.Module, batch: Batch) -> None:
    assert (network(batch.image) < 0).any()


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 20, 24)])
def test_network_takes_other_sizes(network: nn.Module, shape: tuple[int, int, int]) -> None:
    other = type(network)(image_shape=shape, num_classes=7)
    assert other(torch.zeros(2, *shape)).shape == (2, 7)


def test_every_parameter_gets_a_gradient(network: nn.Module, batch: Batch) -> None:
    nn.functional.cross_entropy(network(batch.image), batch.label).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_images_do_not_influence_each_other(network: nn.Module, batch: Batch) -> None:
    network.eval()
    together, alone = network(batch.image)[:1], network(batch.image[:1])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_state_dict_restores_the_network(network: nn.Module, batch: Batch) -> None:
    other = type(network)(image_shape=(1, 28, 28), num_classes=10)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other.eval()(batch.image), network.eval()(batch.image))
