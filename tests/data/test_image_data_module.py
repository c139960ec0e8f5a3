import hashlib
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch import Trainer
from PIL import Image
from torch import nn

from src.batch import Batch
from src.data import ImageDataModule, Images, MNISTDataModule, SVHNDataModule
from src.data.files import read_idx
from src.data.images import split_indices
from src.engine.seed import derive_seed, seed_generators
from tests.small_sets import small
from tests.tiny_mnist import NUM_TEST, NUM_TRAIN, TinyMNIST


def test_split_is_disjoint_and_whole() -> None:
    train, val = split_indices(60_000)
    assert (len(train), len(val)) == (55_000, 5_000)
    assert torch.equal(torch.cat([train, val]).sort().values, torch.arange(60_000))


def test_split_is_the_same_for_ever() -> None:
    torch.manual_seed(123)
    _, val = split_indices(60_000)
    digest = hashlib.sha256(val.numpy().tobytes()).hexdigest()
    assert digest == "f27ea6f36b563ee7ba387f9960275233bdfea05aa5cc64c92e556dde30af9821"


def test_official_test_images_are_not_divided(tiny_mnist: TinyMNIST) -> None:
    sizes = {name: len(images) for name, images in tiny_mnist.splits.items()}
    assert sizes == {"train": NUM_TRAIN * 11 // 12, "val": NUM_TRAIN // 12, "test": NUM_TEST}
    labels = tiny_mnist.splits["test"].label
    assert torch.equal(labels, torch.arange(NUM_TEST) % 10)


def test_files_are_verified_once(tiny_mnist: TinyMNIST, monkeypatch) -> None:
    verified: list[object] = []
    monkeypatch.setattr(
        "src.data.image_data_module.ensure_files", lambda *given: verified.append(given)
    )
    MNISTDataModule.prepare_data(tiny_mnist)  # as the test after a training does
    assert not verified
    MNISTDataModule.prepare_data(TinyMNIST())
    assert len(verified) == 1


def test_shuffle_follows_the_seed(tiny_mnist: TinyMNIST, monkeypatch) -> None:
    def order(seed: int) -> list[int]:
        monkeypatch.setenv("PL_GLOBAL_SEED", str(seed))
        return [int(batch.image.sum()) for batch in tiny_mnist.train_dataloader()]

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_unshuffled_training_keeps_the_order_of_the_file(tiny_mnist: TinyMNIST) -> None:
    tiny_mnist.shuffle = False
    labels = torch.cat([batch.label for batch in tiny_mnist.train_dataloader()])
    assert torch.equal(labels, tiny_mnist.splits["train"].label)


def test_workers_read_the_same_batches(tiny_mnist: TinyMNIST) -> None:
    alone = [batch.image for batch in tiny_mnist.val_dataloader()]
    tiny_mnist.num_workers = 1
    helped = [batch.image for batch in tiny_mnist.val_dataloader()]
    assert all(torch.equal(a, b) for a, b in zip(alone, helped, strict=True))


@pytest.mark.parametrize(("on_device", "num_workers"), [(True, 0), (False, 0), (True, 1)])
def test_images_are_on_the_device_of_the_network(
    tiny_mnist: TinyMNIST, on_device: bool, num_workers: int
) -> None:
    data = TinyMNIST(
        str(tiny_mnist.folder.parents[1]), on_device=on_device, num_workers=num_workers
    )
    data.trainer = SimpleNamespace(strategy=SimpleNamespace(root_device=torch.device("meta")))
    data.setup("fit")
    kept = on_device and not num_workers
    assert {images.device.type for images in data.splits.values()} == {"meta" if kept else "cpu"}


def stage(training: bool) -> Trainer:
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    trainer.training = training
    return trainer


@pytest.mark.parametrize("training", [True, False])
def test_augmentation_is_for_training_only(tiny_mnist: TinyMNIST, training: bool) -> None:
    class Blank(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            assert 0 <= image.min() <= image.max() <= 1
            return torch.zeros_like(image)

    tiny_mnist.augment = Blank()
    tiny_mnist.trainer = stage(training)
    batch = Batch(torch.full((2, 1, 28, 28), 255, dtype=torch.uint8), torch.zeros(2))
    image = tiny_mnist.on_after_batch_transfer(batch, 0).image
    value = 0.0 if training else 1.0
    torch.testing.assert_close(image, torch.full_like(image, (value - 0.1307) / 0.3081))


@pytest.mark.parametrize("size", [{"batch_size": 0}, {"eval_batch_size": 0}, {"num_workers": -1}])
def test_impossible_sizes_are_refused(size: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="MNISTDataModule needs batch_size >= 1"):
        MNISTDataModule(**size)


def test_picture_becomes_an_image(tiny_mnist: TinyMNIST) -> None:
    picture = Image.new("L", (50, 50), 255)
    picture.paste(0, (20, 10, 25, 40))
    image = tiny_mnist.from_picture(picture)
    example = MNISTDataModule.image_shape, tiny_mnist.splits["test"].image.dtype
    assert (tuple(image.shape), image.dtype) == example
    with pytest.raises(ValueError, match="blank"):
        tiny_mnist.from_picture(Image.new("L", (50, 50)))


def test_disputed_indices_are_of_the_test_images() -> None:
    disputed = MNISTDataModule.disputed_test_indices
    assert list(disputed) == sorted(set(disputed))
    assert 0 <= disputed[0] <= disputed[-1] < 10_000
    digest = hashlib.sha256(" ".join(map(str, disputed)).encode()).hexdigest()
    assert (len(disputed), digest[:16]) == (15, "ab3883e1758bfc88")  # of the list of its source


def test_data_module_has_the_defaults_of_the_readme() -> None:
    data = MNISTDataModule()
    assert data.folder == Path("data/MNIST/raw")
    assert (data.batch_size, data.eval_batch_size, data.num_workers) == (100, 1000, 0)
    assert (data.shuffle, data.augment, data.on_device, data.download) == (True, None, True, True)
    assert (data.image_shape, data.num_classes) == ((1, 28, 28), 10)
    assert data.class_names == tuple("0123456789")
    assert (data.mean, data.std) == (0.1307, 0.3081)


def test_smallest_sizes_are_taken() -> None:
    data = MNISTDataModule(batch_size=1, eval_batch_size=1, num_workers=0)
    assert (data.batch_size, data.eval_batch_size) == (1, 1)


def test_loaders_read_their_splits(tiny_mnist: TinyMNIST) -> None:
    tiny_mnist.eval_batch_size = 7
    loaders = {name: getattr(tiny_mnist, f"{name}_dataloader")() for name in tiny_mnist.splits}
    told = {
        name: (loader.order.size, loader.order.batch_size, loader.order.training,
               loader.order.shuffle, loader.num_workers, loader.persistent_workers)
        for name, loader in loaders.items()
    }  # fmt: skip
    assert told == {
        "train": (220, 20, True, True, 0, False),
        "val": (20, 7, False, False, 0, False),
        "test": (60, 7, False, False, 0, False),
    }
    tiny_mnist.num_workers, tiny_mnist.trainer = 1, stage(True)
    loader = tiny_mnist.train_dataloader()
    assert (loader.num_workers, loader.persistent_workers) == (1, True)
    assert loader.order.trainer is tiny_mnist.trainer


def test_training_images_of_each_class_are_counted(tiny_mnist: TinyMNIST) -> None:
    label = tiny_mnist.splits["train"].label
    label[label > 7] = 0
    assert tiny_mnist.class_counts.tolist() == [int((label == each).sum()) for each in range(10)]


def test_images_are_where_the_files_have_them(tiny_mnist: TinyMNIST) -> None:
    image = read_idx(tiny_mnist.folder, "train-images-idx3-ubyte")
    label = read_idx(tiny_mnist.folder, "train-labels-idx1-ubyte")
    train, val = split_indices(NUM_TRAIN)
    assert torch.equal(tiny_mnist.train_indices, train)
    for name, indices in (("train", train), ("val", val)):
        split = tiny_mnist.splits[name]
        assert torch.equal(split.image[:, 0], image[indices])
        assert torch.equal(split.label, label[indices].long())
        assert torch.equal(indices, indices.sort().values)


def test_augmentation_follows_seed_place_and_process(tiny_mnist: TinyMNIST, monkeypatch) -> None:
    class Noise(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return torch.rand_like(image)

    def draw(seed: int = 0, batch: int = 3, rank: int = 1) -> float:
        monkeypatch.setenv("PL_GLOBAL_SEED", str(seed))
        monkeypatch.setattr("src.data.image_data_module.next_position", lambda trainer: (2, batch))
        tiny_mnist.trainer = SimpleNamespace(training=True, global_rank=rank)
        given = Batch(torch.zeros(1, 1, 1, 1, dtype=torch.uint8), torch.zeros(1))
        return tiny_mnist.on_after_batch_transfer(given, 0).image.item()

    tiny_mnist.augment = Noise()
    seed_generators(derive_seed("augment", 0, 2, 3, 1))
    expected = (torch.rand(1).item() - 0.1307) / 0.3081
    assert draw() == pytest.approx(expected)
    assert len({draw(), draw(seed=1), draw(batch=4), draw(rank=0)}) == 4
    tiny_mnist.trainer = None  # as where there is no training
    batch = Batch(torch.zeros(1, 1, 1, 1, dtype=torch.uint8), torch.zeros(1))
    image = tiny_mnist.on_after_batch_transfer(batch, 0).image
    assert image.item() == pytest.approx(-0.1307 / 0.3081)


def test_folder_that_is_only_read_is_not_filled(tiny_mnist: TinyMNIST, monkeypatch) -> None:
    given: list[tuple] = []
    monkeypatch.setattr(
        "src.data.image_data_module.ensure_files", lambda *words: given.append(words)
    )
    tiny_mnist.splits, tiny_mnist.download = {}, False
    tiny_mnist.prepare_data()
    assert given == [
        ("MNIST", tiny_mnist.folder, TinyMNIST.checksums, MNISTDataModule.sources, False)
    ]


class Colours(ImageDataModule):
    image_shape, num_classes, class_names = (3, 4, 4), 2, ("dark", "light")

    def read(self, train: bool) -> Images:
        label = torch.arange(24 if train else 6) % 2
        return Images((100 * label).byte().view(-1, 1, 1, 1).repeat(1, *self.image_shape), label)


def test_statistics_that_are_not_given_are_computed_and_kept() -> None:
    data, other = Colours(), Colours()
    assert data.state_dict() == TinyMNIST().state_dict() == {}
    data.prepare_data()  # has no files that are known
    data.setup("fit")
    share = data.splits["train"].label.float().mean().item()
    assert data.mean == pytest.approx([share * 100 / 255] * 3)
    other.load_state_dict(data.state_dict() | {"image_shape": "of no file"})
    assert (other.mean, other.std, other.image_shape) == (data.mean, data.std, (3, 4, 4))


@pytest.mark.parametrize(
    ("image", "label"),
    [
        (torch.zeros(2, 3, 4, 4), torch.arange(2)),
        (torch.zeros(2, 1, 4, 4).byte(), torch.arange(2)),
        (torch.zeros(2, 3, 4, 4).byte(), torch.arange(2) + 1),
        (torch.zeros(2, 3, 4, 4).byte(), torch.arange(2) - 1),
        (torch.zeros(2, 3, 4, 4).byte(), torch.arange(2).byte()),
        (torch.zeros(3, 3, 4, 4).byte(), torch.arange(2)),
    ],
)
def test_images_of_another_kind_are_refused(image, label, monkeypatch) -> None:
    monkeypatch.setattr(Colours, "read", lambda self, train: Images(image, label))
    with pytest.raises(ValueError, match=r"Colours.read must give uint8 images of \(3, 4, 4\) px"):
        Colours().setup("fit")


@pytest.mark.parametrize(
    ("normalize", "mean", "std"),
    [("imagenet", (0.449,), (0.226,)), ("half", (0.5,), (0.5,)), (None, 0.1307, 0.3081)],
)
def test_images_are_normalised_as_the_weights_expect(
    tmp_path: Path, normalize: str | None, mean: object, std: object
) -> None:
    data = small(MNISTDataModule, tmp_path, normalize=normalize)
    data.prepare_data()
    data.setup("fit")
    assert data.mean == pytest.approx(mean, abs=1e-6)
    assert data.std == pytest.approx(std, abs=1e-6)
    colour = small(SVHNDataModule, tmp_path, normalize="imagenet")
    colour.prepare_data()
    colour.setup("fit")
    assert colour.mean == (0.485, 0.456, 0.406)
    restored = small(SVHNDataModule, tmp_path)
    restored.load_state_dict(colour.state_dict())
    assert restored.mean == colour.mean


@pytest.mark.parametrize("batch_size", [7, 8])
def test_last_batch_of_one_image_is_left_out(capsys, batch_size: int) -> None:
    data = Colours(batch_size=batch_size)
    data.setup("fit")
    lengths = [len(batch.label) for batch in data.train_dataloader()]
    assert lengths == ([7, 7, 7] if batch_size == 7 else [8, 8, 6])
    assert ("would have one image" in capsys.readouterr().err) == (batch_size == 7)
