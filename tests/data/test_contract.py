"""What every data set of images in `src.data` must do; its small case is in `tests.small_sets`."""

import gzip
from pathlib import Path

import pytest
import torch
from PIL import Image

from src import data
from src.data import ImageDataModule
from src.data.images import split_indices
from src.data.made_mnist import MadeMNISTDataModule
from tests.small_sets import COUNTS, MODULES, made, small

parametrized = pytest.mark.parametrize("kind", MODULES, ids=lambda kind: kind.__name__)


@pytest.fixture(params=MODULES, ids=lambda kind: kind.__name__)
def module(request: pytest.FixtureRequest, tmp_path: Path) -> ImageDataModule:
    instance = small(request.param, tmp_path / "data", batch_size=20)
    instance.prepare_data()
    instance.setup("fit")
    return instance


def test_batches_have_the_published_shape(module: ImageDataModule) -> None:
    for loader in (module.train_dataloader(), module.val_dataloader(), module.test_dataloader()):
        batch = next(iter(loader))
        assert batch.image.shape[1:] == module.image_shape
        assert batch.image.dtype == torch.uint8
        kind = torch.int64 if batch.label.dim() == 1 else torch.uint8  # of images, of pixels
        assert batch.label.dtype == kind
        assert set(batch.label.unique().tolist()) <= set(range(module.num_classes))


def test_images_are_those_of_the_files(module: ImageDataModule) -> None:
    sizes = {name: len(images) for name, images in module.splits.items()}
    assert sizes == {"train": 55, "val": 5, "test": COUNTS["test"]}
    if isinstance(module, MadeMNISTDataModule):  # has other images, tested there
        return
    image, label = made(COUNTS["test"], module.image_shape, module.num_classes)
    if "EMNIST" in type(module).__mro__[1].__name__:  # is stored on its side
        image[:, 0, 0] = 255
        image = image.transpose(2, 3)
    assert torch.equal(module.splits["test"].image, image)
    assert torch.equal(module.splits["test"].label, label)
    train, val = split_indices(COUNTS["train"])
    _, label = made(COUNTS["train"], (1, 1, 1), module.num_classes)
    assert torch.equal(module.splits["train"].label, label[train])
    assert torch.equal(module.splits["val"].label, label[val])


def test_class_names_match_classes(module: ImageDataModule) -> None:
    assert len(set(module.class_names)) == len(module.class_names) == module.num_classes


def test_network_gets_normalised_floats(module: ImageDataModule) -> None:
    batch = next(iter(module.train_dataloader()))
    ready = module.on_after_batch_transfer(batch, 0)
    mean, std = (torch.tensor(value).view(-1, 1, 1) for value in (module.mean, module.std))
    torch.testing.assert_close(ready.image, (batch.image.float() / 255 - mean) / std)
    assert torch.equal(ready[1], batch.label)


def test_epoch_has_each_training_image_once(module: ImageDataModule) -> None:
    seen = torch.cat([batch.image for batch in module.train_dataloader()]).flatten(1)
    stored = module.splits["train"].image.flatten(1)
    assert len(seen) == len(stored)
    assert torch.equal(seen.unique(dim=0), stored.unique(dim=0))


def test_training_can_go_on_in_the_same_order(module: ImageDataModule) -> None:
    assert isinstance(module.train_dataloader(), data.ExactLoader)


def test_evaluation_order_is_fixed(module: ImageDataModule) -> None:
    for loader in (module.val_dataloader(), module.test_dataloader()):
        first = torch.cat([batch.image for batch in loader])
        assert torch.equal(first, torch.cat([batch.image for batch in loader]))


def test_picture_becomes_an_image(module: ImageDataModule) -> None:
    picture = Image.new("RGB", (50, 70), "white")
    picture.paste("navy", (20, 10, 25, 40))
    image = module.from_picture(picture)
    assert (image.shape, image.dtype) == (module.image_shape, torch.uint8)


@parametrized
def test_changed_files_are_refused_before_training(kind, tmp_path: Path) -> None:
    instance = small(kind, tmp_path / "data")
    for file in sorted(instance.folder.iterdir()):
        content = file.read_bytes()
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(ValueError, match=rf"{file.name} is corrupt.*official {kind.title}"):
            instance.prepare_data()
        file.write_bytes(content)


@parametrized
def test_missing_files_are_named_in_one_line(kind, tmp_path: Path, monkeypatch, capsys) -> None:
    instance = small(kind, tmp_path / "data")
    monkeypatch.setattr(type(instance), "sources", (f"file://{tmp_path}/nowhere/",))
    files = sorted(instance.folder.iterdir())
    for file in files:
        file.unlink()
    with pytest.raises(FileNotFoundError, match=rf"{kind.title} is not complete") as refusal:
        instance.prepare_data()
    assert "\n" not in str(refusal.value)
    assert all(file.name in str(refusal.value) for file in files)


@parametrized
def test_files_are_fetched_from_where_they_are(kind, tmp_path: Path, monkeypatch, capsys) -> None:
    instance = small(kind, tmp_path / "data")
    there = instance.folder.rename(tmp_path / "there")
    for file in there.iterdir():
        if not file.suffix:  # on a mirror it is packed
            file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    monkeypatch.setattr(type(instance), "sources", (f"file://{there}/",))
    instance.prepare_data()
    instance.setup("fit")
    assert {file.name for file in instance.folder.iterdir()} == set(instance.checksums)


@parametrized
def test_sources_and_check_sums_are_of_the_official_files(kind) -> None:
    assert all(len(checksum) in (32, 64) for checksum in kind.checksums.values())
    assert all(
        str(source).startswith(("http", "file:///usr/share", "pip")) for source in kind.sources
    )
    assert all(str(source).endswith("/") or source.package for source in kind.sources)


def test_letters_of_emnist_are_numbered_from_zero(tmp_path: Path) -> None:
    instance = small(data.EMNISTDataModule, tmp_path, split="letters")
    instance.setup("fit")
    assert (instance.num_classes, instance.class_names[0], instance.class_names[-1]) == (
        26,
        "a",
        "z",
    )
    assert torch.equal(instance.splits["test"].label, torch.arange(COUNTS["test"]))
