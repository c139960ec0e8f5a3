"""Ways of writing a module that tutorials teach, each small."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from lightning.pytorch import Callback, LightningDataModule, LightningModule
from lightning.pytorch.callbacks import EarlyStopping, LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.utilities import CombinedLoader
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, random_split


def points(count: int, seed: int, size: int = 4) -> TensorDataset:
    x = torch.randn(count, size, generator=torch.Generator().manual_seed(seed))
    return TensorDataset(x, x.sum(dim=1, keepdim=True))


class Fit(LightningModule):
    """What all of them have in common: a layer that fits points."""

    def __init__(self, lr: float = 0.05) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)

    def loss(self, batch) -> Tensor:
        x, y = batch
        return F.mse_loss(self(x), y)

    def training_step(self, batch, batch_idx):
        return self.loss(batch)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)

    def train_dataloader(self):
        return DataLoader(points(24, 0), batch_size=4, shuffle=True)


@dataclass
class Size:
    """A nested setting."""

    hidden: int = 4
    drop: list[float] = field(default_factory=lambda: [0.1])


class Nested(Fit):
    """Hyper-parameters that are objects: a dataclass, a layer, an optimizer's settings."""

    def __init__(
        self,
        size: Size | None = None,
        act: nn.Module | None = None,
        optim: dict[str, float] | None = None,
    ) -> None:
        super(Fit, self).__init__()
        self.save_hyperparameters()
        size = size or Size()
        self.layer = nn.Sequential(
            nn.Linear(4, size.hidden), act or nn.ReLU(), nn.Linear(size.hidden, 1)
        )
        self.optim = optim or {"lr": 0.05}

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), **self.optim)


class Talkative(Fit):
    """Logs in every way, prints, draws, and watches its validation."""

    def __init__(self, lr: float = 0.05) -> None:
        super().__init__(lr)
        self.example_input_array = torch.zeros(2, 4)
        self.outputs: list[Tensor] = []

    def configure_callbacks(self) -> list[Callback]:
        stop = EarlyStopping("val/mse", mode="min", patience=9)
        return [stop, LearningRateMonitor("step")]

    def training_step(self, batch, batch_idx):
        if batch_idx == 2:
            return None
        loss = self.loss(batch)
        self.log_dict({"train/mse": loss, "train/rmse": loss.sqrt()}, on_step=True, on_epoch=True)
        self.logger.experiment.add_histogram("weights", self.layer.weight, self.global_step)
        self.logger.experiment.add_scalar("mine/loss", loss, self.global_step)
        return {"loss": loss, "kept": loss.detach()}

    def validation_step(self, batch, batch_idx):
        self.outputs.append(self(batch[0]))
        self.log("val/mse", self.loss(batch), prog_bar=True)
        return {"val_loss": self.outputs[-1]}

    def on_validation_epoch_end(self):
        self.print("mean output", float(torch.cat(self.outputs).mean()))
        self.logger.experiment.add_image("picture", torch.rand(1, 4, 4), self.current_epoch)
        self.outputs.clear()

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), lr=self.hparams.lr)
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "monitor": "val/mse", "frequency": 1},
        }

    def val_dataloader(self):
        return DataLoader(points(8, 1), batch_size=4)


class Mover(Fit):
    """Moves and changes its batches itself, which are of tensors of different lengths."""

    def transfer_batch_to_device(self, batch, device, dataloader_idx):
        return {name: part.to(device) for name, part in batch.items()}

    def on_before_batch_transfer(self, batch, dataloader_idx):
        x, y = batch
        return {"x": x, "y": y, "weight": torch.ones(1)}

    def on_after_batch_transfer(self, batch, dataloader_idx):
        return {**batch, "x": batch["x"] + 0.1 * torch.randn_like(batch["x"])}

    def loss(self, batch) -> Tensor:
        return batch["weight"] * F.mse_loss(self(batch["x"]), batch["y"])

    def predict_step(self, batch, batch_idx, dataloader_idx=0):
        return self(batch["x"])


class ManyLoaders(Fit):
    """Several loaders at once in training, and one after another in validation and test."""

    def training_step(self, batch, batch_idx):
        loss = self.loss(batch["a"]) + self.loss(batch["b"])
        self.log("train/mse", loss)
        return loss

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        self.log("val/mse", self.loss(batch), batch_size=len(batch[0]))

    def test_step(self, batch, batch_idx, dataloader_idx=0):
        self.log(f"test/mse_{dataloader_idx}", self.loss(batch), add_dataloader_idx=False)

    def train_dataloader(self):
        loaders = {name: DataLoader(points(size, size), 4, shuffle=True) for name, size in SIZES}
        return CombinedLoader(loaders, "max_size_cycle")

    def val_dataloader(self):
        return [DataLoader(points(8, 1), 4), DataLoader(points(12, 2), 4)]

    def test_dataloader(self):
        return CombinedLoader(
            [DataLoader(points(8, 1), 4), DataLoader(points(12, 2), 4)], "sequential"
        )


SIZES = (("a", 24), ("b", 10))


class Endless(IterableDataset):
    """Points of which nobody knows how many there are."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        yield from points(22, self.seed)


class Streamed(LightningDataModule):
    """Loaders made anew in each epoch, of a stream; counts what it has done."""

    def __init__(self, batch_size: int = 4) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.made = -1

    def prepare_data(self) -> None:
        points(1, 0)

    def setup(self, stage: str) -> None:
        self.made = 0

    def train_dataloader(self):
        self.made += 1
        return DataLoader(Endless(self.trainer.current_epoch), batch_size=self.hparams.batch_size)

    def state_dict(self):
        return {"made": self.made}

    def load_state_dict(self, state_dict):
        self.made = state_dict["made"]


class Asking(Fit):
    """Asks its data module while it trains."""

    train_dataloader = LightningModule.train_dataloader

    def training_step(self, batch, batch_idx):
        assert self.trainer.datamodule.hparams.batch_size == 4
        assert self.trainer.datamodule.made > 0  # once more in an epoch that goes on
        return self.loss(batch)


class Backbone(nn.Module):
    """A network that a configuration may name."""

    def __init__(self, hidden: int = 4) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, hidden), nn.BatchNorm1d(hidden), nn.ReLU())
        self.head = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layers(x))


class WithBackbone(Fit):
    """Takes its network as an argument, and its own schedule by steps."""

    def __init__(self, backbone: Backbone | None = None, lr: float = 0.05) -> None:
        super(Fit, self).__init__()
        self.save_hyperparameters(ignore=["backbone"])
        self.layer = backbone or Backbone()

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.loss(batch), on_step=True)

    def test_step(self, batch, batch_idx):
        self.log("test_loss", self.loss(batch))

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=self.hparams.lr, momentum=0.9)
        factor = lambda step: 0.9**step  # noqa: E731
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]


class Split(LightningDataModule):
    """Divides one set of data when it is made, as the examples do."""

    def __init__(self, batch_size: int = 4) -> None:
        super().__init__()
        data: Dataset = points(40, 3)
        self.train, self.val = random_split(data, [30, 10], torch.Generator().manual_seed(1))
        self.test = points(8, 4)
        self.batch_size = batch_size

    def train_dataloader(self):
        return DataLoader(self.train, self.batch_size, shuffle=True, drop_last=True)

    def val_dataloader(self):
        return DataLoader(self.val, self.batch_size)

    def test_dataloader(self):
        return DataLoader(self.test, self.batch_size)

    def predict_dataloader(self):
        return DataLoader(self.test, self.batch_size)


class Handmade(Fit):
    """Takes its steps itself: warm-up, clipping, skipped batches, a state of its own."""

    def __init__(self, lr: float = 0.05, warmup: int = 4) -> None:
        super().__init__(lr)
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.strict_loading = False
        self.losses: list[Tensor] = []
        self.seen = 0

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(self.frozen(x))

    def state_dict(self, *args, **kwargs):
        found = super().state_dict(*args, **kwargs)
        return {name: value for name, value in found.items() if "frozen" not in name}

    def configure_callbacks(self) -> ModelCheckpoint:
        return ModelCheckpoint(monitor="mean", filename="own-{epoch}", save_top_k=1)

    def on_train_start(self):
        self.logger.log_hyperparams(dict(self.hparams), {"hp/mean": 0.0})

    def on_train_batch_start(self, batch, batch_idx):
        return -1 if batch_idx == 5 else None

    def training_step(self, batch, batch_idx):
        loss = self.loss(batch)
        self.losses.append(loss.detach())
        self.seen += len(batch[0])
        return loss

    def optimizer_step(self, epoch, batch_idx, optimizer, optimizer_closure):
        optimizer.step(closure=optimizer_closure)
        if self.trainer.global_step < self.hparams.warmup:
            for group in optimizer.param_groups:
                group["lr"] = self.hparams.lr * (self.trainer.global_step + 1) / self.hparams.warmup

    def lr_scheduler_step(self, scheduler, metric):
        scheduler.step()

    def configure_gradient_clipping(self, optimizer, gradient_clip_val, gradient_clip_algorithm):
        self.clip_gradients(optimizer, 0.5, "norm")

    def on_train_epoch_end(self):
        self.log("mean", torch.stack(self.losses).mean())
        self.losses.clear()

    def on_save_checkpoint(self, checkpoint):
        checkpoint["seen"] = self.seen

    def on_load_checkpoint(self, checkpoint):
        self.seen = checkpoint["seen"]

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.layer.parameters(), lr=self.hparams.lr)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            optimizer, 5 * self.trainer.max_epochs
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class TwoByHand(Fit):
    """Two optimizers toggled by hand, gradients of two batches at a time, schedules at its will."""

    def __init__(self, lr: float = 0.05) -> None:
        super().__init__(lr)
        self.automatic_optimization = False
        self.other = nn.Linear(4, 1)

    def training_step(self, batch, batch_idx):
        for optimizer, layer in zip(self.optimizers(), (self.layer, self.other), strict=True):
            self.toggle_optimizer(optimizer)
            loss = F.mse_loss(layer(batch[0]), batch[1])
            self.manual_backward(loss / 2)
            if batch_idx % 2:
                self.clip_gradients(optimizer, 1.0, "norm")
                optimizer.step()
                optimizer.zero_grad()
            self.untoggle_optimizer(optimizer)
        self.log("loss", loss, prog_bar=True)
        if self.trainer.is_last_batch:
            self.lr_schedulers().step()

    def configure_optimizers(self):
        first = torch.optim.Adam(self.layer.parameters(), lr=self.hparams.lr)
        second = torch.optim.SGD(self.other.parameters(), lr=self.hparams.lr)
        return {"optimizer": first, "lr_scheduler": torch.optim.lr_scheduler.StepLR(first, 1)}, {
            "optimizer": second
        }
