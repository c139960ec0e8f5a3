"""A module that remembers things from batch to batch, in plain attributes of many kinds."""

from collections import deque

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return x / self.calls


class Recurrent(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(2, 3)
        self.head = nn.Sequential(Counting(), nn.Linear(3, 1))
        self.weights = list(self.parameters())  # which a checkpoint has anyway
        self.offset = torch.zeros(1, requires_grad=True)  # trained, and still no parameter
        self.hidden = None
        self.losses = []
        self.recent = deque(maxlen=3)
        self.best = {"loss": float("inf"), "step": 0}

    def on_train_epoch_start(self) -> None:
        self.decay = 0.9**self.current_epoch

    def training_step(self, batch, batch_idx):
        x, y = batch
        before = torch.zeros(len(x), 3) if self.hidden is None else self.hidden[0]
        after = self.cell(x, before)
        loss = F.mse_loss(self.head(after) + self.offset, y) * self.decay
        self.hidden = after.detach(), self.global_step
        self.losses.append(loss.detach())
        self.recent.append((loss.detach(), batch_idx))
        if loss < self.best["loss"]:
            self.best.update(loss=loss.item(), step=self.global_step)
        past = sum(value for value, _ in self.recent) + sum(self.losses)
        return loss * past * (1 + self.best["loss"] + self.best["step"])

    def on_train_epoch_end(self) -> None:
        self.losses.clear()

    def configure_optimizers(self):
        return torch.optim.Adam([*self.parameters(), self.offset], lr=0.01)

    def train_dataloader(self):
        x = torch.linspace(-1, 1, 40).view(20, 2)
        return DataLoader(TensorDataset(x, x.sum(dim=1, keepdim=True)), 4, shuffle=True)
