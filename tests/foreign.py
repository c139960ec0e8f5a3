"""Modules that know nothing of this project, and runs of them."""

import json
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
import yaml
from lightning.pytorch import LightningDataModule, LightningModule
from lightning.pytorch.demos.boring_classes import BoringModel
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset, default_collate

from src.batch import Batch
from src.engine.checkpoints.consent import remember
from src.engine.exact.epoch_metrics import EpochMetrics
from src.engine.files.plain_file import packed
from tests.bare_trainer import bare_trainer

SESSION = {
    "began": "2026-01-01T00:00:00+00:00",
    "from_step": 0,
    "command": "python -m src.train",
    "git": {"commit": "0" * 40, "status": "", "diff": ""},
    "inputs": {"threads": "1", "processes": "1"},
    "packages": {},
}


def points() -> TensorDataset:
    x = torch.linspace(-1, 1, 40).view(20, 2)
    return TensorDataset(x, x.sum(dim=1, keepdim=True))


class Adam(LightningModule):
    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters())


class Regression(Adam):
    """Root mean square error, with its own loaders and no data module."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(2, 1)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, y = batch
        return F.mse_loss(self.line(x), y)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val/rmse", self.training_step(batch, batch_idx).sqrt())

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.log("test/rmse", self.training_step(batch, batch_idx).sqrt())

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(points(), 20)

    val_dataloader = test_dataloader = train_dataloader


class Late(Regression):
    """A regression that makes its layers when it is asked to, each time anew."""

    def __init__(self) -> None:
        super().__init__()
        del self.line

    def configure_model(self) -> None:
        self.line = nn.Linear(2, 1)


class Diverged(Regression):
    """A regression whose error is no number."""

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.log("test/rmse", torch.tensor(torch.nan))


class Autoencoder(Adam):
    """Reconstruction of whatever a data module gives; it is never tested."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(32, width), nn.Linear(width, 32)

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        return F.mse_loss(self.decoder(self.encoder(batch)), batch)

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.log("reconstruction", self.training_step(batch, batch_idx))


class Unfed(Autoencoder):
    """An autoencoder, for which nobody has data to validate."""


class Segmentation(Adam):
    """A class for each pixel; it has a `network`, and publishes another kind of task."""

    kind = "segmentation"

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Conv2d(1, 3, 1)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        image, mask = batch
        return F.cross_entropy(self.network(image), mask)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        image, mask = batch
        self.log("iou", (self.network(image).argmax(dim=1) == mask).float().mean())

    def train_dataloader(self) -> DataLoader[Any]:
        image = torch.ones(4, 1, 5, 5)
        return DataLoader(TensorDataset(image, image[:, 0].long()), 4)

    test_dataloader = train_dataloader


class Tokens(Dataset[dict[str, Tensor]]):
    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"input_ids": torch.arange(index, index + 6) % 11}


class TokensDataModule(LightningDataModule):
    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(Tokens(), 4)

    test_dataloader = train_dataloader


class LanguageModel(Adam):
    """The next token, of batches that are dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(11, 8), nn.Linear(8, 11)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        said = self.head(self.embedding(batch["input_ids"][:, :-1]))
        return F.cross_entropy(said.flatten(0, 1), batch["input_ids"][:, 1:].flatten())

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self.log("perplexity", self.training_step(batch, batch_idx).exp())


class Measured(BoringModel):
    """Lightning's own demonstration, which says what it measures on the data that it gets."""

    def test_step(self, batch: Tensor, batch_idx: int) -> None:
        self.log("first", batch.mean())


class Loaders(LightningDataModule):
    """Batches of labelled images in any loaders, without `splits`."""

    image_shape, num_classes = (1, 28, 28), 10

    def train_dataloader(self) -> DataLoader[Any]:
        images = TensorDataset(torch.ones(10, 1, 28, 28), torch.arange(10))
        return DataLoader(images, 10, collate_fn=lambda items: Batch(*default_collate(items)))

    val_dataloader = test_dataloader = train_dataloader


def foreign_run(
    task: type[LightningModule],
    data: type[LightningDataModule] | None = None,
    init_args: dict[str, Any] | None = None,
    own: bool = True,
    **trainer: Any,
) -> Path:
    """Write the run of a module into this folder, after one step; returns its checkpoint."""
    config = {
        "seed_everything": 7,
        "model": {"class_path": f"{task.__module__}.{task.__qualname__}"},
        "data": {"class_path": f"{data.__module__}.{data.__qualname__}"} if data else None,
        "trainer": trainer,
    }
    config["model"] |= {"init_args": init_args} if init_args else {}
    text = yaml.safe_dump(config)
    if own:
        remember([], text)
    checkpoint = fitted(task(), data() if data else None)
    checkpoint |= {"config": text, "provenance": [SESSION], "metrics": {}}
    run, log = Path("checkpoints/version_0"), Path("lightning_logs/version_0")
    run.mkdir(parents=True)
    log.mkdir(parents=True)
    (run / "last.ckpt").write_bytes(packed(checkpoint))
    (log / "config.yaml").write_text(text)
    (log / "metrics.json").write_text(json.dumps({"steps": 1, "epochs": 1}))
    return run / "last.ckpt"


def fitted(task: LightningModule, data: LightningDataModule | None) -> dict[str, Any]:
    trainer = bare_trainer(max_steps=1, limit_val_batches=0, callbacks=[EpochMetrics()])
    trainer.fit(task, datamodule=data)
    content: dict[str, Any] = trainer._checkpoint_connector.dump_checkpoint(False)
    return {"epoch_metrics": [{}], **content}
