"""An epoch of photos from disk beside bare decoding, and beside torchvision as tutorials have it.

Run by `python -m benchmarks.photos --root photos`; `--check` ends with exit code 1 where a bound
does not hold. Writes `benchmarks/photos.md` and `photos.json`.

Everything runs in turn in one process and its workers, one for each processor: the speed of a
machine drifts, so that only what ran in the same round is compared.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder
from typing_extensions import override

from benchmarks.speed import machine
from src.data import ImageFolderDataModule
from src.data.photos import Photos
from src.engine.console.quiet import silence_known_noise
from src.engine.jobs.machine import processors
from src.engine.training.allocator import keep_freed_memory
from src.tasks import ClassificationTask

HERE = Path(__file__).parent
BARE, STREAMED, TUTORIAL = "bare decoding", "streamed", "torchvision"
KEPT = "decoded before, in a file"
CLAIMS = {  # images/s of an epoch divided by those of another contestant, and the lower bound
    f"streamed / {BARE}": (STREAMED, BARE, 0.9),
    f"streamed / {TUTORIAL}": (STREAMED, TUTORIAL, 1.5),
}


def processor_s() -> float:
    """Sum up the processor time of this process and its children [s], as Linux tells it."""
    own, ticks = str(os.getpid()), 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            fields = file.read_text().rpartition(")")[2].split()
            if own in (file.parent.name, fields[1]):
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


clock = time.perf_counter


class Clock(Callback):
    """Measure the batches of each epoch [s]."""

    def __init__(self) -> None:
        self.epochs_s: list[float] = []
        self._since = 0.0

    @override
    def on_train_epoch_start(self, *args: Any) -> None:
        self._since = clock()

    @override
    def on_train_epoch_end(self, *args: Any) -> None:
        self.epochs_s.append(clock() - self._since)


def network(num_classes: int, image_size: int) -> nn.Module:
    """Make a network that costs hardly anything."""
    some = nn.AvgPool2d(1, stride=16)  # pixels here and there
    return nn.Sequential(some, nn.Flatten(), nn.Linear(3 * (image_size // 16) ** 2, num_classes))


def bare(photos: Photos) -> float:
    """Decode and resize each photo in as many processes as there are processors.

    Args:
        photos: The photos.

    Returns:
        Seconds, without the start of the processes.
    """
    with multiprocessing.get_context("fork").Pool(processors(), _begin, (photos,)) as pool:
        pool.map(abs, range(100))
        since = clock()
        for _ in pool.imap_unordered(_decode, range(len(photos)), chunksize=25):
            pass
        return clock() - since


_photos: list[Photos] = []  # of a process that only decodes


def _begin(photos: Photos) -> None:
    torch.set_num_threads(1)
    _photos[:] = [photos]


def _decode(index: int) -> None:
    _photos[0][index]


def ours(data: ImageFolderDataModule) -> float:
    """Train for an epoch, after one that starts the workers.

    Args:
        data: The photos.

    Returns:
        Seconds of the batches.
    """
    clock = Clock()
    trainer = Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        callbacks=[clock],
        limit_val_batches=0,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    trainer.fit(ClassificationTask(network(data.num_classes, data.image_shape[1])), data)
    return clock.epochs_s[-1]


def batch_size(image_size: int) -> int:
    """Choose what users do: fewer images in a batch where they are large."""
    return 100 if image_size < 128 else 32  # noqa: PLR2004


def tutorial(folder: Path, image_size: int) -> float:
    """Do the same with torchvision's ImageFolder, its transforms and torch's DataLoader.

    Args:
        folder: Folder of folders of classes.
        image_size: Height and width of an image [px].

    Returns:
        Seconds of the second epoch.
    """
    steps = [
        transforms.Resize(image_size),
        transforms.CenterCrop(image_size),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
    photos = ImageFolder(str(folder), transforms.Compose(steps))
    loader = DataLoader(
        photos,
        batch_size(image_size),
        shuffle=True,
        num_workers=processors(),
        persistent_workers=True,
    )
    model = network(len(photos.classes), image_size)
    optimizer, loss_fn = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss()
    for _ in range(2):
        since = clock()
        for image, label in loader:
            optimizer.zero_grad()
            loss_fn(model(image), label).backward()
            optimizer.step()
        took_s = clock() - since
    return took_s


def ratio(rates: dict[str, list[float]], one: str, other: str) -> float:
    """Divide the images/s of two contestants round by round; give the median."""
    return statistics.median(a / b for a, b in zip(rates[one], rates[other], strict=True))


def table(rates: dict[str, list[float]]) -> str:
    """Write the medians as Markdown.

    Args:
        rates: Images/s of each round, by contestant.

    Returns:
        A row for each contestant.
    """
    lines = ["| | images/s | of bare decoding | lowest to highest |", "|---|---|---|---|"]
    for name, found in rates.items():
        share = ratio(rates, name, BARE)
        spread = f"{min(found):,.0f} to {max(found):,.0f}"
        lines.append(f"| {name} | {statistics.median(found):,.0f} | {share:.2f} | {spread} |")
    return "\n".join(lines)


def claims(rates: dict[str, list[float]]) -> list[tuple[str, bool]]:
    """Compare what was measured with the bounds.

    Args:
        rates: Images/s of each round, by contestant.

    Returns:
        What was measured beside its bound, and whether it holds.
    """
    found = {name: (ratio(rates, *pair), low) for name, (*pair, low) in CLAIMS.items()}
    return [
        (f"{name}: {value:.2f}, at least {low}", value >= low)
        for name, (value, low) in found.items()
    ]


def measure(root: Path, image_size: int, rounds: int) -> dict[str, list[float]]:
    """Run all in turn.

    Args:
        root: Folder of the photos.
        image_size: Height and width of an image [px].
        rounds: How often.

    Returns:
        Images/s of each round, by contestant.
    """
    settings = {"image_size": image_size, "batch_size": batch_size(image_size), "skip_broken": True}
    streamed = ImageFolderDataModule(str(root), memory_mib=0, disk_mib=0, **settings)
    kept = ImageFolderDataModule(str(root), **settings)
    streamed.prepare_data()
    streamed.setup("fit")
    photos = streamed.splits["train"]
    folder = root / "train" if (root / "train").is_dir() else root
    contestants: dict[str, tuple[int, Callable[[], float]]] = {
        BARE: (len(photos), partial(bare, photos)),
        STREAMED: (len(photos), partial(ours, streamed)),
        TUTORIAL: (len(ImageFolder(str(folder))), partial(tutorial, folder, image_size)),
        KEPT: (len(photos), partial(ours, kept)),
    }
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds):
        for name in [*contestants][:: 1 if number % 2 else -1]:  # none is always the first
            count, run = contestants[name]
            rates[name].append(count / run())
            print(f"{number + 1} {name}: {rates[name][-1]:,.0f} images/s", file=sys.stderr)
    return rates


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.photos", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of photos of classes")
    parser.add_argument("--image_size", type=int, nargs="+", default=[64, 224], help="[px]")
    parser.add_argument("--rounds", type=int, default=5, help="epochs of each contestant")
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--check", action="store_true", help="fail where a bound does not hold")
    parser.add_argument(
        "--cpu", action="store_true", help="count processor time, on a machine with other work"
    )
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.cpu:
        globals()["clock"] = processor_s
    silence_known_noise()
    keep_freed_memory()  # as src.train does
    torch.set_num_threads(1)  # threads of a network that has nothing to do wait for each other
    found = {size: measure(given.root, size, given.rounds) for size in given.image_size}
    here = machine()
    second = "of one processor" if given.cpu else "of all processors"
    parts = [f"{here}. Medians of {given.rounds} interleaved epochs; a second is one {second}."]
    holds = []
    for size, rates in found.items():
        checked = claims(rates)
        holds += [each for _, each in checked]
        parts += [f"## Images of {size} px, batches of {batch_size(size)}", table(rates)]
        parts.append(
            "\n".join(f"- {'holds' if ok else 'DOES NOT HOLD'}: {what}" for what, ok in checked)
        )
    text = "\n\n".join(parts) + "\n"
    (given.out / "photos.md").write_text(text)
    content = {"machine": here, "images_per_s": found}
    (given.out / "photos.json").write_text(json.dumps(content, indent=1) + "\n")
    print(text)
    if given.check and not all(holds):
        sys.exit(1)


if __name__ == "__main__":
    main()
