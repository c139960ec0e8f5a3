"""A language model on `dict` batches with texts in them; its schedule moves by steps."""

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningDataModule, LightningModule
from torch import nn
from torch.utils.data import DataLoader, Dataset

WORDS, LENGTH = 20, 6


class Sentences(Dataset):
    def __init__(self, count: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.ids = torch.randint(WORDS, (count, LENGTH), generator=generator)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> dict:
        mask = torch.ones(LENGTH, dtype=torch.bool)
        text = f"sentence {index}"
        return {"text": text, "input_ids": self.ids[index], "attention_mask": mask}


def collate(sentences: list[dict]) -> dict:
    batch = torch.utils.data.default_collate(sentences)
    return {"longest": torch.tensor(LENGTH), **batch}


class LanguageModel(LightningModule):
    def __init__(self, width: int = 8, warmup: int = 4) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.embedding = nn.Embedding(WORDS, width)
        self.layer = nn.TransformerEncoderLayer(width, 2, 16, dropout=0.1, batch_first=True)
        self.head = nn.Linear(width, WORDS)
        mask = torch.full((LENGTH, LENGTH), -torch.inf).triu(1)
        self.register_buffer("causal", mask)  # is saved with the weights, and is not finite

    def step(self, batch: dict):
        ids = batch["input_ids"]
        output = self.head(self.layer(self.embedding(ids), src_mask=self.causal))
        return F.cross_entropy(output[:, :-1].transpose(1, 2), ids[:, 1:])

    def training_step(self, batch, batch_idx):
        loss = self.step(batch)
        self.log("train/perplexity", loss.exp(), batch_size=len(batch["input_ids"]))
        return {"loss": loss, "log": {"step": batch_idx}}

    def validation_step(self, batch, batch_idx):
        self.log("val/perplexity", self.step(batch).exp(), batch_size=len(batch["input_ids"]))

    def test_step(self, batch, batch_idx):
        self.log("test/perplexity", self.step(batch).exp(), batch_size=len(batch["input_ids"]))

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=0.01)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, 1, self.hparams.warmup)
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]


class Text(LightningDataModule):
    def __init__(self, batch_size: int = 4, shuffle: bool = True) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.shuffle = shuffle

    def loader(self, count: int, seed: int, shuffle: bool = False):
        return DataLoader(Sentences(count, seed), self.batch_size, shuffle, collate_fn=collate)

    def train_dataloader(self):
        return self.loader(24, 0, self.shuffle)

    def val_dataloader(self):
        return self.loader(8, 1)

    def test_dataloader(self):
        return self.loader(8, 2)
