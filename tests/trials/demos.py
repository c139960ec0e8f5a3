"""Lightning's demos that need data, on little of it."""

import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.demos.boring_classes import RandomDataset
from torch.utils.data import DataLoader, StackDataset


class Vectors(LightningDataModule):
    """For `DemoModel`: batches of one tensor, and no validation."""

    def train_dataloader(self):
        torch.manual_seed(0)
        return DataLoader(RandomDataset(32, 24), batch_size=4)


class CommandLine(LightningDataModule):
    """For `LightningTransformer`, instead of a text that is fetched."""

    def __init__(self, words: int = 12) -> None:
        super().__init__()
        self.words = words

    def train_dataloader(self):
        text = torch.randint(self.words, (7, 5), generator=torch.Generator().manual_seed(0))
        return DataLoader(StackDataset(text[:-1], text[1:]), batch_size=2)
