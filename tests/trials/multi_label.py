"""Several labels a sample, batches of a dataclass, and a collection of metrics."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchmetrics import MetricCollection
from torchmetrics.classification import MultilabelAccuracy, MultilabelF1Score

LABELS = 3


@dataclass
class Tagged:
    features: Tensor
    tags: Tensor


def collate(samples: list[tuple[Tensor, Tensor]]) -> Tagged:
    features, tags = zip(*samples, strict=True)
    return Tagged(torch.stack(features), torch.stack(tags))


class MultiLabel(LightningModule):
    def __init__(self, num_classes: int, shuffle: bool = True) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = nn.Linear(5, num_classes)
        metrics = MetricCollection(
            [MultilabelAccuracy(num_classes), MultilabelF1Score(num_classes)]
        )
        self.train_metrics = metrics.clone(prefix="train_")
        self.val_metrics = metrics.clone(prefix="val_")
        self.test_metrics = metrics.clone(prefix="test_")

    def training_step(self, batch: Tagged, batch_idx):
        output = self.layer(batch.features)
        self.train_metrics.update(output.sigmoid(), batch.tags)
        return F.binary_cross_entropy_with_logits(output, batch.tags.float())

    def validation_step(self, batch: Tagged, batch_idx):
        self.val_metrics.update(self.layer(batch.features).sigmoid(), batch.tags)

    def test_step(self, batch: Tagged, batch_idx):
        probability = self.layer(batch.features).sigmoid()
        self.test_metrics.update(probability, batch.tags)
        return {"probability": probability, "tags": batch.tags}

    def on_train_epoch_end(self):
        self.report(self.train_metrics)

    def on_validation_epoch_end(self):
        self.report(self.val_metrics)

    def on_test_epoch_end(self):
        self.report(self.test_metrics)

    def report(self, metrics: MetricCollection) -> None:
        self.log_dict(metrics.compute())
        metrics.reset()

    def configure_optimizers(self):
        return torch.optim.Adagrad(self.parameters(), lr=0.1)

    def loader(self, count: int, seed: int, shuffle: bool = False) -> DataLoader:
        features = torch.randn(count, 5, generator=torch.Generator().manual_seed(seed))
        tags = (features[:, : self.hparams.num_classes] > 0).int()
        samples = list(zip(features, tags, strict=True))
        return DataLoader(samples, batch_size=8, shuffle=shuffle, collate_fn=collate)

    def train_dataloader(self):
        return self.loader(32, 0, self.hparams.shuffle)

    def val_dataloader(self):
        return self.loader(16, 1)

    def test_dataloader(self):
        return self.loader(16, 2)
