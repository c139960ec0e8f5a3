"""Several digits in an image."""

import pytest
import torch

from src.data import SeveralMNISTDataModule


@pytest.fixture
def made() -> tuple[torch.Tensor, torch.Tensor]:
    """Make images of squares, each as bright as ten times what it stands for, and one."""
    label = torch.arange(400) % 10
    digit = torch.zeros(400, 1, 28, 28)
    digit[..., 8:20, 8:20] = (10.0 * (label + 1)).view(-1, 1, 1, 1)
    generator = torch.Generator().manual_seed(0)
    return SeveralMNISTDataModule().made(digit, label, generator)


def test_target_says_which_digits_are_in_the_image(made) -> None:
    image, target = made
    assert (image.shape, target.shape) == ((400, 1, 28, 28), (400, 10))
    places = image.unfold(2, 14, 14).unfold(3, 14, 14).amax((1, 4, 5)).flatten(1)  # (B, 4)
    number = (places / 10).round().long()  # of a place: 0 is nothing
    seen = torch.stack([(number == digit + 1).any(1) for digit in range(10)], 1)
    assert torch.equal(seen, target > 0)


def test_half_of_the_places_have_a_digit(made) -> None:
    image, target = made
    places = image.unfold(2, 14, 14).unfold(3, 14, 14).amax((1, 4, 5)) > 0
    assert places.float().mean().item() == pytest.approx(1 / 2, abs=0.04)
    assert (target.sum(1) == 0).any()
    assert target.sum(1).max() == 4


def test_digits_are_moved(made) -> None:
    image, _ = made
    middle = image[:, 0, :14, :14] > 0
    rows = [each.any(1).nonzero()[0].item() for each in middle if each.any()]
    assert len({*rows}) > 2
