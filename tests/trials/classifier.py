"""A classifier as a tutorial writes it: `x, y = batch`, loaders of its own or of a data module."""

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningDataModule, LightningModule
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def samples(count: int, seed: int) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 8, generator=generator)
    return TensorDataset(x, (x.sum(dim=1) > 0).long())


class Classifier(LightningModule):
    def __init__(self, hidden: int = 16, lr: float = 0.01, shuffle: bool = True) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(
            nn.Linear(8, hidden), nn.ReLU(), nn.Dropout(0.1), nn.Linear(hidden, 2)
        )

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = F.cross_entropy(self(x), y)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        output = self(x)
        self.log("val_loss", F.cross_entropy(output, y), prog_bar=True)
        self.log("val_acc", (output.argmax(1) == y).float().mean(), prog_bar=True)

    def test_step(self, batch, batch_idx):
        x, y = batch
        self.log("test_loss", F.cross_entropy(self(x), y))

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)


class OwnLoaders(Classifier):
    def train_dataloader(self):
        return DataLoader(samples(48, 0), batch_size=8, shuffle=self.hparams.shuffle)

    def val_dataloader(self):
        return DataLoader(samples(16, 1), batch_size=8)

    def test_dataloader(self):
        return DataLoader(samples(16, 2), batch_size=8)


class ClassifierData(LightningDataModule):
    def __init__(self, batch_size: int = 8, shuffle: bool = True) -> None:
        super().__init__()
        self.save_hyperparameters()

    def setup(self, stage):
        self.train, self.val, self.test = samples(48, 0), samples(16, 1), samples(16, 2)

    def train_dataloader(self):
        return DataLoader(self.train, self.hparams.batch_size, shuffle=self.hparams.shuffle)

    def val_dataloader(self):
        return DataLoader(self.val, self.hparams.batch_size)

    def test_dataloader(self):
        return DataLoader(self.test, self.hparams.batch_size)
