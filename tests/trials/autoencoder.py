"""An autoencoder whose layers are made when training begins; its batches are bare tensors."""

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule
from torch import nn
from torch.utils.data import DataLoader


def pictures(count: int, seed: int) -> torch.Tensor:
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(seed))


class Autoencoder(LightningModule):
    def __init__(self, size: int = 4, shuffle: bool = True) -> None:
        super().__init__()
        self.save_hyperparameters()

    def configure_model(self):
        if not hasattr(self, "encoder"):
            self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, self.hparams.size))
            self.decoder = nn.Sequential(
                nn.BatchNorm1d(self.hparams.size), nn.Linear(self.hparams.size, 64)
            )

    def step(self, picture, name):
        loss = F.mse_loss(self.decoder(self.encoder(picture)), picture.flatten(1))
        self.log(name, loss)
        return loss

    def training_step(self, batch, batch_idx):
        return self.step(batch, "train/reconstruction")

    def validation_step(self, batch, batch_idx):
        self.step(batch, "val/reconstruction")

    def test_step(self, batch, batch_idx):
        self.step(batch, "test/reconstruction")
        return {"code": self.encoder(batch)}

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=0.01)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {
                "scheduler": torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0),
                "monitor": "val/reconstruction",
            },
        }

    def train_dataloader(self):
        return DataLoader(pictures(30, 0), batch_size=6, shuffle=self.hparams.shuffle)

    def val_dataloader(self):
        return DataLoader(pictures(6, 1), batch_size=6)

    def test_dataloader(self):
        return DataLoader(pictures(12, 2), batch_size=6)
