"""Q-learning: batches come from an endless stream that the network itself fills."""

import random
from collections import deque
from copy import deepcopy

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule
from torch import nn
from torch.utils.data import DataLoader, IterableDataset


class Replay(IterableDataset):
    def __init__(self, memory: deque, count: int) -> None:
        self.memory = memory
        self.count = count

    def __iter__(self):
        for _ in range(self.count):
            yield random.choice(self.memory)


class DQN(LightningModule):
    def __init__(self, size: int = 100, sync_every: int = 3) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
        self.target = deepcopy(self.net)
        self.memory = deque(maxlen=size)
        self.state = torch.zeros(2)
        for _ in range(8):
            self.play()

    @torch.no_grad()
    def play(self) -> None:
        """Walk left or right; being near the origin is worth a reward."""
        explore = random.random() < 0.1
        action = random.randrange(2) if explore else int(self.net(self.state).argmax())
        new = self.state + torch.tensor([2.0 * action - 1, 0.1])
        self.memory.append((self.state, action, float(new.norm() < 2), new))
        self.state = new if new.norm() < 5 else torch.zeros(2)

    def training_step(self, batch, batch_idx):
        self.play()
        state, action, reward, new = batch
        value = self.net(state).gather(1, action[:, None])[:, 0]
        with torch.no_grad():
            expected = reward.float() + 0.9 * self.target(new).max(dim=1).values
        if self.global_step % self.hparams.sync_every == 0:
            self.target.load_state_dict(self.net.state_dict())
        self.log("reward", reward.float().mean(), prog_bar=True, on_epoch=True)
        return F.smooth_l1_loss(value, expected)

    def configure_optimizers(self):
        return torch.optim.Adam(self.net.parameters(), lr=0.01)

    def train_dataloader(self):
        return DataLoader(Replay(self.memory, 20), batch_size=4)
