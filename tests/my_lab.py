"""A regression with its own data, as anyone would write it."""

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import MeanSquaredError


def noisy_sine(count, seed):
    generator = torch.Generator().manual_seed(seed)
    x = 6 * torch.rand(count, 1, generator=generator) - 3
    return TensorDataset(x, x.sin() + 0.1 * torch.randn(count, 1, generator=generator))


class Regression(LightningModule):
    """Fit a curve to points.

    Args:
        width: Number of hidden units.
        lr: Learning rate.
    """

    def __init__(self, width: int = 32, lr: float = 0.01) -> None:
        super().__init__()
        self.lr = lr
        self.network = nn.Sequential(nn.Linear(1, width), nn.Tanh(), nn.Linear(width, 1))
        self.val_rmse = MeanSquaredError(squared=False)
        self.test_rmse = MeanSquaredError(squared=False)

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = F.mse_loss(self.network(x), y)
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        self.val_rmse(self.network(x), y)
        self.log("val/rmse", self.val_rmse)

    def test_step(self, batch, batch_idx):
        x, y = batch
        output = self.network(x)
        self.test_rmse(output, y)
        self.log("test/rmse", self.test_rmse)
        return {"output": output, "target": y}

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.lr)

    def train_dataloader(self):
        return DataLoader(noisy_sine(1000, seed=1), batch_size=50, shuffle=True)

    def val_dataloader(self):
        return DataLoader(noisy_sine(200, seed=2), batch_size=200)

    def test_dataloader(self):
        return DataLoader(noisy_sine(500, seed=3), batch_size=500)
