"""A GAN: two optimizers with schedules of their own, stepped by hand; no validation."""

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class GAN(LightningModule):
    def __init__(self, latent: int = 4, shuffle: bool = True) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.automatic_optimization = False
        self.generator = nn.Sequential(nn.Linear(latent, 8), nn.ReLU(), nn.Linear(8, 2))
        self.discriminator = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(), nn.Linear(8, 1))

    def training_step(self, batch):
        (real,) = batch
        optimizer_g, optimizer_d = self.optimizers()
        noise = torch.randn(len(real), self.hparams.latent, device=self.device)
        ones = torch.ones(len(real), 1, device=self.device)

        self.toggle_optimizer(optimizer_g)
        g_loss = self.loss(self.generator(noise), ones)
        optimizer_g.zero_grad()
        self.manual_backward(g_loss)
        optimizer_g.step()
        self.untoggle_optimizer(optimizer_g)

        self.toggle_optimizer(optimizer_d)
        fake = self.generator(noise).detach()
        d_loss = self.loss(real, ones) + self.loss(fake, torch.zeros_like(ones))
        optimizer_d.zero_grad()
        self.manual_backward(d_loss)
        optimizer_d.step()
        self.untoggle_optimizer(optimizer_d)
        self.log_dict({"g_loss": g_loss, "d_loss": d_loss}, prog_bar=True)

    def loss(self, points, truth):
        return F.binary_cross_entropy_with_logits(self.discriminator(points), truth)

    def on_train_epoch_end(self):
        for scheduler in self.lr_schedulers():
            scheduler.step()

    def configure_optimizers(self):
        optimizers = [
            torch.optim.Adam(self.generator.parameters(), lr=0.01, betas=(0.5, 0.9)),
            torch.optim.Adam(self.discriminator.parameters(), lr=0.02, betas=(0.5, 0.9)),
        ]
        return optimizers, [torch.optim.lr_scheduler.StepLR(each, 1) for each in optimizers]

    def train_dataloader(self):
        points = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
        return DataLoader(TensorDataset(points), batch_size=8, shuffle=self.hparams.shuffle)
