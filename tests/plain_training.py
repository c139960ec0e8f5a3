"""What a user writes who knows nothing of this project, trained with and without being stopped."""

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.utils.data import Dataset

from src.engine.checkpoints.best_checkpoint import BestCheckpoint
from src.engine.checkpoints.digest import digest
from src.engine.checkpoints.last_checkpoint import LastCheckpoint
from src.engine.exact.exact import make_exact
from src.engine.seed import seed_generators
from src.engine.training.callbacks import arrange

SIZE = 37


class Points(Dataset):
    """Points on a line, moved at random when they are read."""

    def __init__(self, size: int = SIZE) -> None:
        self.x = torch.linspace(-1, 1, size)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> torch.Tensor:
        move = torch.rand(1).item() + random.random() + np.random.rand()
        return torch.stack([self.x[index], 2 * self.x[index] + 0.1 * move])


class Line(LightningModule):
    """What a user writes who knows nothing of this project."""

    def __init__(self, loader: Any, val: Any = None) -> None:
        super().__init__()
        layers = torch.nn.Linear(1, 4), torch.nn.Dropout(), torch.nn.Linear(4, 1)
        self.layer = torch.nn.Sequential(*layers)
        self.train_dataloader = loader
        self.seen: list[Any] = []
        self.validates = val is not None
        if val:
            self.val_dataloader = val

    def on_after_batch_transfer(self, batch, dataloader_idx):
        if isinstance(batch, dict):
            batch = torch.cat([part for part in batch.values() if part is not None])
        return batch.reshape(-1, 2) + 0.01 * torch.rand(2) if self.trainer.training else batch

    def training_step(self, batch, batch_idx):
        self.seen.append((self.current_epoch, batch_idx, batch.tolist()))
        return (self.layer(batch[:, :1]) - batch[:, 1:]).square().mean()

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", batch.mean())

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), 0.1)
        if not self.validates:
            return optimizer
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
        schedule = {"scheduler": plateau, "monitor": "val/loss"}
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def on_save_checkpoint(self, checkpoint):
        session = {"began": "", "from_step": 0, "command": "", "inputs": {}, "packages": {}}
        git = {"commit": "", "status": "", "diff": ""}
        inputs = {"threads": "1", "processes": "1"}
        checkpoint |= {"config": "", "provenance": [session | {"git": git, "inputs": inputs}]}


class KilledError(Exception):
    """The end of a run at any moment."""


class Kill(Callback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.global_step == self.step:
            raise KilledError


def fit(make: Any, folder: Path, *stops: int, **options: Any) -> list[Any]:
    """Train, stopped at these steps and continued; returns the weights and the batches used."""
    seen: dict[tuple[int, int], Any] = {}
    for step in (*stops, None):
        model = run(make, folder, step, **options)
        for epoch, batch, values in model.seen:
            seen[epoch, batch] = values
    return [digest(model.state_dict()), seen]


def run(make: Any, folder: Path, step: int | None, val: Any = None, **options: Any) -> Line:
    """Train from the start, or from the state in the folder, to the end or to a step."""
    seed_generators(3)
    model, last = Line(make, val), LastCheckpoint(every_n_steps=1)
    torch.rand(step or 1)  # a process may have drawn anything before
    last.folder = folder
    trainer = Trainer(
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        callbacks=[last, *([Kill(step)] if step else [])],
        **{"max_epochs": 3, "num_sanity_val_steps": 0, **options},
    )
    make_exact(trainer)
    arrange(trainer, BestCheckpoint(), last)
    path = folder / "last.ckpt"
    with pytest.MonkeyPatch.context() as patch, suppress(*[KilledError] * bool(step)):
        patch.setenv("PL_GLOBAL_SEED", "3")
        trainer.fit(model, ckpt_path=path if path.exists() else None, weights_only=True)
    return model


def check(make: Callable[[], Any], folder: Path, *stops: int, **options: Any) -> None:
    """Compare a run that was stopped at these steps with the unbroken one."""
    parts = [folder / "whole", folder / "broken"]
    for part in parts:
        part.mkdir()
    whole, broken = fit(make, parts[0], **options), fit(make, parts[1], *stops, **options)
    assert broken == whole
    assert whole[1][0, 0] != whole[1][1, 0]


def main(words: list[str]) -> None:
    """Train in two processes, as a program of its own."""
    name, folder, step = words
    from tests.engine.exact.test_exact_dataloader import LOADERS

    model = run(LOADERS[name], Path(folder), int(step) or None, devices=2, strategy="ddp")
    seen = f"{digest(model.state_dict())} {model.seen[-1]}"
    (Path(folder) / f"seen_{model.global_rank}").write_text(seen)
