"""Regression; RMSE is logged as torchmetrics objects, and each sample's error is given back."""

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import MeanSquaredError


def samples(count: int, seed: int) -> TensorDataset:
    x = torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))
    return TensorDataset(x, x @ torch.tensor([1.0, -2.0, 0.5]))


class Regression(LightningModule):
    def __init__(self, lr: float = 0.05, shuffle: bool = True) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = nn.Linear(3, 1)
        self.rmse = nn.ModuleDict(
            {f"{split}_rmse": MeanSquaredError(squared=False) for split in ("train", "val", "test")}
        )

    def forward(self, x):
        return self.layer(x).squeeze(1)

    def step(self, batch, split: str):
        x, y = batch
        output = self(x)
        metric = self.rmse[f"{split}_rmse"]
        metric(output, y)
        self.log(f"{split}/rmse", metric, on_step=False, on_epoch=True)
        return output, F.mse_loss(output, y)

    def training_step(self, batch, batch_idx):
        return self.step(batch, "train")[1]

    def validation_step(self, batch, batch_idx):
        return self.step(batch, "val")[1]

    def test_step(self, batch, batch_idx):
        output, loss = self.step(batch, "test")
        return {"loss": loss, "output": output, "target": batch[1]}

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr, momentum=0.9)

    def train_dataloader(self):
        return DataLoader(samples(40, 0), batch_size=8, shuffle=self.hparams.shuffle)

    def val_dataloader(self):
        return DataLoader(samples(16, 1), batch_size=8)

    def test_dataloader(self):
        return DataLoader(samples(15, 2), batch_size=8)
