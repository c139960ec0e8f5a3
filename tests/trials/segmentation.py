"""Segmentation with IoU; the network is called `network`."""

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchmetrics.segmentation import MeanIoU


class Squares(Dataset):
    """Bright squares on noise, with their masks."""

    def __init__(self, count: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.noise = torch.rand(count, 1, 8, 8, generator=generator)
        self.corner = torch.randint(4, (count, 2), generator=generator).tolist()

    def __len__(self) -> int:
        return len(self.noise)

    def __getitem__(self, index: int) -> dict:
        (row, column), mask = self.corner[index], torch.zeros(8, 8, dtype=torch.long)
        mask[row : row + 4, column : column + 4] = 1
        return {"image": self.noise[index] + mask, "mask": mask}


class Segmentation(LightningModule):
    def __init__(self, width: int = 4, shuffle: bool = True) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.network = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, 2, 1),
        )
        self.val_iou, self.test_iou = (MeanIoU(2, input_format="index") for _ in range(2))

    def training_step(self, batch, batch_idx):
        loss = F.cross_entropy(self.network(batch["image"]), batch["mask"])
        self.log("train/loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch, batch_idx):
        self.val_iou.update(self.network(batch["image"]).argmax(1), batch["mask"])
        self.log("val/iou", self.val_iou)

    def test_step(self, batch, batch_idx):
        found = self.network(batch["image"]).argmax(1)
        self.test_iou.update(found, batch["mask"])
        self.log("test/iou", self.test_iou)
        return {"mask": found.byte()}

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.02)

    def train_dataloader(self):
        return DataLoader(Squares(24, 0), batch_size=6, shuffle=self.hparams.shuffle)

    def val_dataloader(self):
        return DataLoader(Squares(6, 1), batch_size=6)

    def test_dataloader(self):
        return DataLoader(Squares(12, 2), batch_size=6)
