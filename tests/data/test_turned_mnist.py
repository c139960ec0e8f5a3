"""Digits that are turned by the angle that is to be estimated."""

from pathlib import Path

import pytest
import torch

from src.batch import TargetBatch
from src.data.turned_mnist import turned
from tests.tiny_mnist import write_files
from tests.tiny_turned_mnist import TinyTurnedMNIST


@pytest.fixture
def module(tmp_path: Path) -> TinyTurnedMNIST:
    write_files(tmp_path / "MNIST" / "raw")
    found = TinyTurnedMNIST(str(tmp_path), batch_size=20)
    found.prepare_data()
    found.setup("fit")
    return found


def test_image_is_turned_clockwise() -> None:
    image = torch.zeros(1, 1, 5, 5)
    image[..., :2, 2] = 255  # a hand that shows noon
    hand = torch.zeros(1, 1, 5, 5)
    hand[..., 2, 3:] = 255  # three o'clock
    torch.testing.assert_close(turned(image, torch.tensor([90.0])), hand, atol=1e-2, rtol=0)


def test_angles_of_evaluation_are_always_the_same(module, tmp_path: Path) -> None:
    again = TinyTurnedMNIST(str(tmp_path))
    again.setup("test")
    for split in ("val", "test"):
        here, there = module.splits[split], again.splits[split]
        assert torch.equal(here.image, there.image)
        assert torch.equal(here.label, there.label)
        assert here.label.abs().max() <= 45
        assert here.label.std() > 20
        assert here.label.shape == (len(here), 1)
    assert not torch.equal(module.splits["val"].label[:9], module.splits["test"].label[:9])


def test_batch_has_the_angles_of_its_images(module) -> None:
    batch = next(iter(module.test_dataloader()))
    ready = module.on_after_batch_transfer(batch, 0)
    assert isinstance(ready, TargetBatch)
    assert torch.equal(ready.target, module.splits["test"].label)
    torch.testing.assert_close(
        ready.image, (module.splits["test"].image / 255 - module.mean) / module.std
    )
