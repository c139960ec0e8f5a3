import math

import pytest
import torch

from src.tasks import OneCycle


def rates(total_steps: int, **shape: float | str) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    scheduler = OneCycle(optimizer, **shape)
    scheduler.total_steps = total_steps
    seen = []
    for _ in range(total_steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return [*seen, optimizer.param_groups[0]["lr"]]


def test_linear_rate_rises_and_falls_in_straight_lines() -> None:
    seen = rates(8, warmup=0.5, start=0.2, end=0.0, anneal="linear")
    assert seen == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.375, 0.25, 0.125, 0.0])


def test_cosine_rate_agrees_with_torch() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
    seen = rates(10, warmup=0.0)
    for rate in seen[:-1]:
        assert rate == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        reference.step()


@pytest.mark.parametrize("total_steps", [4, 100])
def test_peak_is_at_the_same_fraction_of_any_training(total_steps: int) -> None:
    seen = rates(total_steps, warmup=0.25)
    assert seen.index(max(seen)) == total_steps // 4
    assert max(seen) == 0.5
    assert math.isclose(seen[-1], 0.0, abs_tol=1e-12)


def test_impossible_warmup_is_refused() -> None:
    with pytest.raises(ValueError, match=r"warmup of OneCycle must be in \[0, 1\), got 1"):
        rates(4, warmup=1.0)


def test_shape_has_its_defaults() -> None:
    seen = rates(8)
    expected = rates(8, warmup=0.25, start=0.04, end=0.0, anneal="cosine")
    assert seen == pytest.approx(expected)
    assert seen[:3] == pytest.approx([0.5 * 0.04, 0.5 * 0.52, 0.5])


def test_rate_stays_at_the_end_after_it() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    scheduler = OneCycle(optimizer, end=0.1)
    assert (scheduler.total_steps, scheduler.factor(0.25), scheduler.factor(1)) == (1, 1, 0.1)
    for _ in range(3):
        optimizer.step()
        scheduler.step()
    assert scheduler.get_last_lr() == [pytest.approx(0.05)]


@pytest.mark.parametrize("warmup", [-0.1, 1.0])
def test_warmup_is_in_its_range(warmup: float) -> None:
    with pytest.raises(ValueError, match="warmup of OneCycle must be"):
        rates(4, warmup=warmup)
