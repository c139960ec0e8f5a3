"""What every network in `src.models` must do; a new one is found by itself."""

import copy
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import pytest
import torch
from torch import nn

from src import models
from src.batch import Batch
from src.models import TimmModel

Make = Callable[..., nn.Module]
TINY: dict[str, dict[str, Any]] = {  # of timm, one of each of ten families
    "lcnet_050": {},
    "regnetx_002": {},
    "starnet_s1": {},
    "test_byobnet": {},
    "test_convnext": {"resize": 32},
    "test_efficientnet": {},
    "test_mambaout": {},
    "test_nfnet": {},
    "test_resnet": {},
    "test_vit": {"resize": 32},
}
NETWORKS: dict[str, Make] = {
    name: item
    for name, item in vars(models).items()
    if isinstance(item, type) and item is not TimmModel
} | {name: partial(TimmModel, name, **given) for name, given in TINY.items()}


@pytest.fixture(params=NETWORKS)
def make(request: pytest.FixtureRequest) -> Make:
    if request.param in TINY:
        pytest.importorskip("timm")
    return NETWORKS[request.param]


@cache
def made(make: Make) -> nn.Module:
    torch.manual_seed(0)
    return make(image_shape=(1, 28, 28), num_classes=10)


@pytest.fixture
def network(make: Make) -> nn.Module:
    torch.manual_seed(0)
    return copy.deepcopy(made(make))


def test_network_maps_images_to_logits(network: nn.Module, batch: Batch) -> None:
    assert network(batch.image).shape == (20, 10)


def test_network_returns_logits_not_probabilities(network: nn.Module, batch: Batch) -> None:
    assert (network(batch.image) < 0).any()


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 20, 24)])
def test_network_takes_other_sizes(make: Make, shape: tuple[int, int, int]) -> None:
    other = make(image_shape=shape, num_classes=7)
    assert other(torch.zeros(2, *shape)).shape == (2, 7)


def test_every_parameter_gets_a_gradient(network: nn.Module, batch: Batch) -> None:
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    for _ in range(2):  # some branches begin with a factor of zero
        optimizer.step()
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(batch.image), batch.label).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_images_do_not_influence_each_other(network: nn.Module, batch: Batch) -> None:
    network.eval()
    together, alone = network(batch.image)[:1], network(batch.image[:1])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_state_dict_restores_the_network(make: Make, network: nn.Module, batch: Batch) -> None:
    other = make(image_shape=(1, 28, 28), num_classes=10)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other.eval()(batch.image), network.eval()(batch.image))
