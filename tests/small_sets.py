"""Every data set of images in miniature: few synthetic images in the official files and formats."""

import gzip
import hashlib
import io
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import scipy.io
import torch
from torch import Tensor

from src import data
from src.data import ImageDataModule
from tests.tiny_mnist import idx

COUNTS = {"train": 60, "test": 24}
Files = dict[str, bytes]


def made(count: int, shape: tuple[int, ...], num_classes: int) -> tuple[Tensor, Tensor]:
    """Make images that each have the level of their class, with noise, and their labels."""
    label = torch.arange(count) % num_classes
    noise = torch.randint(0, 50, (count, *shape), generator=torch.Generator().manual_seed(count))
    level = (label * 200 // num_classes).view(-1, *[1] * len(shape))
    return (noise + level).byte(), label


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def in_idx(module: Any) -> Iterator[tuple[str, bytes]]:
    """Make the four files of a data set that is like MNIST."""
    for part, count in zip(module.parts, COUNTS.values(), strict=True):
        image, label = made(count, (28, 28), module.num_classes)
        yield module.image_file.format(part), idx(image)
        if module is not data.QMNISTDataModule:
            yield module.label_file.format(part), idx(label.byte())
        else:  # the first of eight numbers for each image
            rows = torch.stack([label, *[label * 0 + 77] * 7], 1).int().numpy().astype(">i4")
            header = struct.pack(">HBB2I", 0, 12, 2, *rows.shape)
            yield module.label_file.format(part), header + rows.tobytes()


def idx_files(module: Any) -> tuple[Files, dict[str, Any]]:
    packed = {name for name, _ in in_idx(module) if name.endswith(".gz")}
    files = dict(in_idx(module))
    return files | {name: gzip.compress(files[name]) for name in packed}, {}


def emnist(module: Any) -> tuple[Files, dict[str, Any]]:
    """Make the archive with the letters and the balanced images; each lies on its side."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for split, first, classes in (("letters", 1, 26), ("balanced", 0, 47)):
            for part, count in COUNTS.items():
                image, label = made(count, (28, 28), classes)
                image[:, 0] = 255  # a bar that is upright
                for kind, values in (("images-idx3", image), ("labels-idx1", label.byte() + first)):
                    name = f"gzip/emnist-{split}-{part}-{kind}-ubyte.gz"
                    file.writestr(name, gzip.compress(idx(values)))
    return {"gzip.zip": archive.getvalue()}, {}


def cifar(module: Any) -> tuple[Files, dict[str, Any]]:
    """Make the archive of pickled batches, and a reader that knows their check sums."""
    official = module.reader
    key, content = ("labels", "fine_labels")[official.base_folder == "cifar-100-python"], {}
    for split, batches in (("train", official.train_list), ("test", official.test_list)):
        image, label = made(COUNTS[split], (3, 32, 32), module.num_classes)
        size = COUNTS[split] // len(batches)
        for number, (name, _) in enumerate(batches):
            part = slice(number * size, (number + 1) * size)
            batch = {"data": image[part].flatten(1).numpy(), key: label[part].tolist()}
            content[name] = pickle.dumps(batch)
    content[official.meta["filename"]] = pickle.dumps({official.meta["key"]: module.class_names})
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as file:
        for name, each in content.items():
            member = tarfile.TarInfo(f"{official.base_folder}/{name}")
            member.size = len(each)
            file.addfile(member, io.BytesIO(each))
    lists = {
        kind: [(name, md5(content[name])) for name, _ in getattr(official, kind)]
        for kind in ("train_list", "test_list")
    }
    meta = official.meta | {"md5": md5(content[official.meta["filename"]])}
    reader = type("Small", (official,), {**lists, "meta": meta})
    return {official.filename: archive.getvalue()}, {"reader": reader}


def svhn(module: Any) -> tuple[Files, dict[str, Any]]:
    """Make the two files of MATLAB, and a reader that knows their check sums."""
    content, known = {}, {}
    for split, count in COUNTS.items():
        image, label = made(count, (3, 32, 32), 10)
        label[label == 0] = 10
        buffer = io.BytesIO()
        matrix = {"X": image.permute(2, 3, 1, 0).numpy(), "y": label.byte().numpy()[:, None]}
        scipy.io.savemat(buffer, matrix)
        address, name, _ = module.reader.split_list[split]
        content[name] = buffer.getvalue()
        known[split] = [address, name, md5(content[name])]
    return content, {"reader": type("Small", (module.reader,), {"split_list": known})}


CASES: dict[str, Callable[[Any], tuple[Files, dict[str, Any]]]] = {
    "CIFAR100DataModule": cifar,
    "CIFAR10DataModule": cifar,
    "ClutteredMNISTDataModule": lambda _: idx_files(data.MNISTDataModule),
    "EMNISTDataModule": emnist,
    "FashionMNISTDataModule": idx_files,
    "KMNISTDataModule": idx_files,
    "MNISTDataModule": idx_files,
    "QMNISTDataModule": idx_files,
    "SVHNDataModule": svhn,
    "SeveralMNISTDataModule": lambda _: idx_files(data.MNISTDataModule),
}
MODULES = [
    item
    for item in vars(data).values()
    if isinstance(item, type)
    and issubclass(item, ImageDataModule)
    # The second one has files of the user's, the third one no classes.
    and item not in (ImageDataModule, data.ImageFolderDataModule, data.TurnedMNISTDataModule)
]


def small(module: type[ImageDataModule], folder: Path, **settings: Any) -> ImageDataModule:
    """Make a data set of the small files, which it finds in a folder."""
    files, changes = CASES[module.__name__](module)
    sums = {name: md5(content) for name, content in files.items()}
    instance = type("Small", (module,), {"checksums": sums, **changes})(
        data_dir=str(folder), **settings
    )
    instance.folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (instance.folder / name).write_bytes(content)
    return instance
