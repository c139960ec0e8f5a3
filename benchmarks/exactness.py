"""What exact resume costs: interleaved epochs with and without it.

Run by `python -m benchmarks.exactness`.

With it, a run is this project's own. Without it, the same network, data, batch size, curves and
progress bar are driven by Lightning's ModelCheckpoint and torch's shuffling DataLoader.
"""

import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader
from typing_extensions import override

from src.data import MNISTDataModule
from src.engine.checkpoints.best_checkpoint import BestCheckpoint
from src.engine.checkpoints.last_checkpoint import LastCheckpoint
from src.engine.console.quiet import silence_known_noise
from src.engine.exact.exact import make_exact
from src.engine.training.callbacks import arrange
from src.models import CNN
from src.tasks import ClassificationTask

ROUNDS = 12
BATCH_SIZE = 128


class PlainMNIST(MNISTDataModule):
    """MNIST read by torch's own DataLoader."""

    @override
    def loader(self, images: Any, batch_size: int, **options: Any) -> Any:
        return DataLoader(
            images,
            batch_size,
            shuffle=options.get("shuffle", False),
            collate_fn=lambda batch: batch,
        )


class Epoch(Callback):
    """Measure the batches of an epoch, and the whole of it with validation and saved states [s]."""

    def __init__(self) -> None:
        self.batches_s = self.whole_s = self._since = 0.0

    @override
    def on_train_epoch_start(self, *args: Any) -> None:
        self._since = time.perf_counter()

    @override
    def on_validation_start(self, trainer: Trainer, pl_module: Any) -> None:
        self.batches_s = time.perf_counter() - self._since

    @override
    def teardown(self, *args: Any, **options: Any) -> None:
        self.whole_s = time.perf_counter() - self._since


def epoch(exact: bool, folder: Path) -> Epoch:
    """Train for an epoch.

    Args:
        exact: Whether it could be resumed exactly.
        folder: Where it writes.

    Returns:
        How long it took.
    """
    seed_everything(0, verbose=False)
    clock = Epoch()
    best, last = BestCheckpoint(), LastCheckpoint()
    best.dirpath, last.folder = str(folder), folder
    plain = [
        ModelCheckpoint(folder, "best", "val/acc", mode="max"),
        ModelCheckpoint(folder, "last"),
    ]
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=TensorBoardLogger(folder),
        callbacks=[clock, *([best, last] if exact else plain)],
        num_sanity_val_steps=0,
        enable_model_summary=False,
    )
    if exact:
        make_exact(trainer)
        arrange(trainer, best, last)
    data = (MNISTDataModule if exact else PlainMNIST)(batch_size=BATCH_SIZE)
    trainer.fit(ClassificationTask(CNN(data.image_shape)), data)
    return clock


def main() -> None:
    """Measure and print medians and their ratios."""
    silence_known_noise()
    found: dict[bool, list[Epoch]] = {True: [], False: []}
    for number in range(ROUNDS + 1):
        for exact in (True, False) if number % 2 else (False, True):
            with tempfile.TemporaryDirectory() as folder:
                clock = epoch(exact, Path(folder))
            if number:  # the first round warms up
                found[exact].append(clock)
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}, ")
    print(f"medians of {ROUNDS} interleaved epochs of batches of {BATCH_SIZE}")
    for part in ("batches_s", "whole_s"):
        exact_s, plain_s = (
            statistics.median(getattr(clock, part) for clock in found[exact])
            for exact in (True, False)
        )
        print(f"{part:<10} exact {exact_s:.3f}  plain {plain_s:.3f}  ratio {exact_s / plain_s:.4f}")


if __name__ == "__main__":
    main()
