"""What every data set in `src.data` must do; a new one in MNIST's format is found by itself."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch import LightningDataModule

from src import data
from tests.tiny_mnist import TinyMNIST, write_files

MODULES = [
    item
    for item in vars(data).values()
    if isinstance(item, type) and issubclass(item, LightningDataModule)
]


@pytest.fixture(params=MODULES, ids=lambda module: module.__name__)
def module(request: pytest.FixtureRequest, tmp_path: Path) -> LightningDataModule:
    tiny = type("Tiny", (request.param,), {"checksums": TinyMNIST.checksums})
    instance = tiny(data_dir=str(tmp_path), batch_size=20)
    write_files(instance.folder)
    instance.prepare_data()
    instance.setup("fit")
    instance.setup("test")
    return instance


def test_batches_have_the_published_shape(module: LightningDataModule) -> None:
    for loader in (module.train_dataloader(), module.val_dataloader(), module.test_dataloader()):
        batch = next(iter(loader))
        assert batch.image.shape[1:] == module.image_shape
        assert batch.image.dtype == torch.uint8
        assert batch.label.dtype == torch.int64
        assert set(batch.label.tolist()) <= set(range(module.num_classes))


def test_class_names_match_classes(module: LightningDataModule) -> None:
    assert len(set(module.class_names)) == module.num_classes


def test_network_gets_normalised_floats(module: LightningDataModule) -> None:
    batch = next(iter(module.train_dataloader()))
    ready = module.on_after_batch_transfer(batch, 0)
    expected = (batch.image.float() / 255 - module.mean) / module.std
    torch.testing.assert_close(ready.image, expected)
    assert torch.equal(ready.label, batch.label)


def test_epoch_has_each_training_image_once(module: LightningDataModule) -> None:
    seen = torch.cat([batch.image for batch in module.train_dataloader()]).flatten(1)
    stored = module.splits["train"].image.flatten(1)
    assert len(seen) == len(stored)
    assert torch.equal(seen.unique(dim=0), stored.unique(dim=0))


def test_training_can_go_on_in_the_same_order(module: LightningDataModule) -> None:
    assert isinstance(module.train_dataloader(), data.ExactLoader)


def test_evaluation_order_is_fixed(module: LightningDataModule) -> None:
    for loader in (module.val_dataloader(), module.test_dataloader()):
        first = torch.cat([batch.image for batch in loader])
        assert torch.equal(first, torch.cat([batch.image for batch in loader]))
