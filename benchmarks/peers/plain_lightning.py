"""Lightning as tutorials and templates use it: torchvision's images, workers, logging by step."""

import time

import lightning as L  # as the tutorials write it
import torch
import torch.nn.functional as F
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, random_split
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy
from torchvision.datasets import MNIST
from torchvision.transforms import Compose, Normalize, ToTensor

from benchmarks.peers.notebook import Network
from benchmarks.peers.outcome import report, words
from src.engine.jobs.machine import processors


class Plain(L.LightningModule):
    """Loss and accuracy by torchmetrics, logged at each step and epoch."""

    def __init__(self, linear: bool) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)) if linear else Logits()
        self.train_acc = MulticlassAccuracy(10, average="micro")
        self.train_loss = MeanMetric()
        self.val_acc = MulticlassAccuracy(10, average="micro")
        self.test_acc = MulticlassAccuracy(10, average="micro")
        self.epochs_s: list[float] = []

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Compute and log the loss."""
        image, label = batch
        logits = self.net(image)
        loss = F.cross_entropy(logits, label)
        self.train_loss(loss)
        self.train_acc(logits, label)
        self.log("train/loss", self.train_loss, on_step=True, on_epoch=True, prog_bar=True)
        self.log("train/acc", self.train_acc, on_step=True, on_epoch=True, prog_bar=True)
        return loss

    def on_train_epoch_start(self) -> None:
        """Start the clock."""
        self.since = time.perf_counter()

    def on_validation_start(self) -> None:
        """Stop it after the batches of training."""
        if not self.trainer.sanity_checking:
            self.epochs_s.append(time.perf_counter() - self.since)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Count right answers."""
        self.val_acc(self.net(batch[0]), batch[1])
        self.log("val/acc", self.val_acc, on_epoch=True, prog_bar=True)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Count right answers."""
        self.test_acc(self.net(batch[0]), batch[1])
        self.log("test/acc", self.test_acc, on_epoch=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Make Adam."""
        return torch.optim.Adam(self.parameters(), lr=0.001)


class Logits(Network):
    """The network of the notebook without its softmax."""

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits."""
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x))).flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


def main() -> None:
    """Train and report."""
    given = words()
    L.seed_everything(given.seed, workers=True)
    transform = Compose([ToTensor(), Normalize((0.1307,), (0.3081,))])
    full = MNIST(given.data_dir, train=True, transform=transform)
    num_val = len(full) // 12
    train, val = random_split(full, [len(full) - num_val, num_val])
    test = MNIST(given.data_dir, train=False, transform=transform)
    workers = max(1, processors() - 1)  # as Lightning advises
    options = {
        "batch_size": given.batch_size,
        "num_workers": workers,
        "persistent_workers": True,
    }
    loaders = [DataLoader(part, **options) for part in (val, test)]
    model = Plain(given.net == "linear")
    trainer = L.Trainer(
        max_epochs=given.epochs,
        logger=TensorBoardLogger("plain"),
        callbacks=[ModelCheckpoint(monitor="val/acc", mode="max", save_last=True)],
    )
    since = time.perf_counter()
    trainer.fit(model, DataLoader(train, shuffle=True, **options), loaders[0])
    fit_s = time.perf_counter() - since
    (found,) = trainer.test(model, loaders[1], verbose=False)
    report(len(train), model.epochs_s, fit_s, found["test/acc"])


if __name__ == "__main__":
    main()
