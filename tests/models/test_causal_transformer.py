import pytest
import torch

from src.models import CausalTransformer
from src.models.causal_transformer import _turned


@pytest.fixture
def network() -> CausalTransformer:
    torch.manual_seed(0)
    return CausalTransformer(num_classes=10, width=16, depth=2, heads=2).eval()


def test_transformer_has_the_parameters_that_it_says() -> None:
    count = sum(parameter.numel() for parameter in CausalTransformer().parameters())
    assert f"{count:,}" in str(CausalTransformer.__doc__)


def test_what_comes_later_changes_nothing(network: CausalTransformer) -> None:
    token = torch.arange(12).view(1, -1) % 10
    before = network(token)
    token[:, 7:] = 3
    torch.testing.assert_close(network(token)[:, :7], before[:, :7])
    assert not torch.allclose(network(token)[:, 7:], before[:, 7:])


def test_order_of_what_came_before_counts(network: CausalTransformer) -> None:
    one, other = (network(torch.tensor([[*begin, 5]]))[:, -1] for begin in ([1, 2, 3], [3, 2, 1]))
    assert not torch.allclose(one, other, atol=1e-4)


def test_attention_depends_on_distance_alone() -> None:
    torch.manual_seed(0)
    query, key = torch.randn(2, 1, 1, 1, 8).expand(2, 1, 1, 9, 8)
    scores = _turned(query) @ _turned(key).transpose(-1, -2)  # (1, 1, T, T)
    torch.testing.assert_close(scores[..., 5, 2], scores[..., 8, 5])
    assert not torch.allclose(scores[..., 5, 2], scores[..., 5, 3])


@pytest.mark.parametrize("sizes", [{"width": 36}, {"heads": 0}, {"depth": 0}, {"dropout": 1.0}])
def test_transformer_refuses_impossible_sizes(sizes: dict) -> None:
    with pytest.raises(ValueError, match="CausalTransformer needs positive sizes, a width"):
        CausalTransformer(**sizes)
