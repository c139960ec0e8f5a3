from pathlib import Path

import pytest
import torch

from src.data import ClutteredMNISTDataModule, MNISTDataModule
from src.data.cluttered_mnist import Clutter
from tests.small_sets import small
from tests.tiny_mnist import TinyMNIST


@pytest.fixture
def digits(tiny_mnist: TinyMNIST) -> torch.Tensor:
    return tiny_mnist.splits["train"].image / 255


@pytest.fixture
def module(tmp_path: Path) -> ClutteredMNISTDataModule:
    instance = small(ClutteredMNISTDataModule, tmp_path / "small", batch_size=5)
    instance.prepare_data()
    instance.setup("fit")
    return instance


def drawn(image: torch.Tensor, seed: int = 0, **settings) -> torch.Tensor:
    return Clutter(**settings)(image, torch.Generator().manual_seed(seed))


def test_without_clutter_only_contrast_is_drawn(digits: torch.Tensor) -> None:
    found = drawn(digits, pieces=0, lines=0, dots=0, ground=0)
    factor = found.amax((1, 2, 3)) / digits.amax((1, 2, 3))
    torch.testing.assert_close(found, digits * factor.view(-1, 1, 1, 1))
    assert factor.min() >= 0.4
    assert factor.std() > 0.1


@pytest.mark.parametrize("part", [{"pieces": 1}, {"lines": 1}, {"dots": 0.1}, {"ground": 0.5}])
def test_each_kind_of_clutter_is_seen(part: dict, digits: torch.Tensor) -> None:
    nothing = {"pieces": 0, "lines": 0, "dots": 0.0, "ground": 0.0}
    black = torch.zeros_like(digits)
    image = digits if "pieces" in part else black
    assert drawn(black, **nothing).sum() == 0
    found, without = (drawn(image, **nothing | given) for given in (part, {}))
    assert ((found - without).abs().amax((1, 2, 3)) > 0.1).float().mean() > 0.7


def test_clutter_follows_its_generator(digits: torch.Tensor) -> None:
    assert torch.equal(drawn(digits), drawn(digits))
    assert not torch.equal(drawn(digits), drawn(digits, seed=1))
    assert 0 <= drawn(digits).min() <= drawn(digits).max() <= 1


def test_mask_is_the_ink_of_the_digit(module: ClutteredMNISTDataModule, tmp_path: Path) -> None:
    plain = MNISTDataModule(str(tmp_path / "small")).read_splits()
    for name in ("val", "test"):
        ink = plain[name].image[:, 0] >= 128
        mask = module.splits[name].label
        assert torch.equal(mask > 0, ink)
        assert (mask == plain[name].label.view(-1, 1, 1) + 1)[ink].all()
