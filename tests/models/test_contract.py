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
from src.models import CausalTransformer, TimmModel, UNet

Make = Callable[..., nn.Module]
Case = tuple[torch.Tensor, torch.Tensor]
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
    return made_for(make, (1, 28, 28), 10)


def made_for(make: Make, shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    images = {} if make is CausalTransformer else {"image_shape": shape}
    return make(num_classes=num_classes, **images)


@pytest.fixture
def network(make: Make) -> nn.Module:
    torch.manual_seed(0)
    return copy.deepcopy(made(make))


@pytest.fixture
def case(make: Make, batch: Batch) -> Case:
    """What the network takes, and the class of each of its answers."""
    return taken(make, batch.image, batch.label, 10)


def taken(make: Make, image: torch.Tensor, label: torch.Tensor, num_classes: int) -> Case:
    if make is CausalTransformer:
        text = image.flatten(1)[:, ::8].mul(100).long() % num_classes  # a short one
        return text[:, :-1], text[:, 1:]
    if make is UNet:
        return image, image[:, 0].mul(100).long() % num_classes
    return image, label


def logits_of(network: nn.Module, case: Case) -> torch.Tensor:
    """Give logits with the class in the second place, as a loss takes them."""
    logits = network(case[0])
    return logits.movedim(-1, 1) if isinstance(network, CausalTransformer) else logits


def test_network_gives_logits_of_each_class(network: nn.Module, case: Case) -> None:
    assert logits_of(network, case).shape == (20, 10, *case[1].shape[1:])


def test_network_returns_logits_not_probabilities(network: nn.Module, case: Case) -> None:
    assert (network(case[0]) < 0).any()


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 20, 24)])
def test_network_takes_other_sizes(make: Make, shape: tuple[int, int, int]) -> None:
    case = taken(make, torch.zeros(2, *shape), torch.zeros(2, dtype=torch.int64), 7)
    other = made_for(make, shape, 7)
    assert logits_of(other, case).shape == (2, 7, *case[1].shape[1:])


def test_every_parameter_gets_a_gradient(network: nn.Module, case: Case) -> None:
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    for _ in range(2):  # some branches begin with a factor of zero
        optimizer.step()
        optimizer.zero_grad()
        nn.functional.cross_entropy(logits_of(network, case), case[1]).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_samples_do_not_influence_each_other(network: nn.Module, case: Case) -> None:
    network.eval()
    together, alone = network(case[0])[:1], network(case[0][:1])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_state_dict_restores_the_network(make: Make, network: nn.Module, case: Case) -> None:
    other = made_for(make, (1, 28, 28), 10)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other.eval()(case[0]), network.eval()(case[0]))
