import json
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn
from torch.utils.data import DataLoader

from src.batch import Batch
from src.engine import Metric, UsageError
from src.evaluate import main as evaluate
from src.models import UNet
from src.report import main as report
from src.tasks import SegmentationTask
from src.tasks.segmentation import LossAndIoU
from tests.bare_trainer import bare_trainer
from tests.conftest import Train

IGNORED = 255
CONFIG = Path(__file__).parents[2] / "configs" / "segmentation.yaml"
CLUTTERED = [
    f"--config={CONFIG}",
    "--model.network.width=4",
    "--model.network.depth=1",
    "--data=tests.tiny_cluttered_mnist.TinyClutteredMNIST",
]


class OfBrightness(nn.Module):
    """Says class 1 where a pixel is bright; its logits are in a mapping, as torchvision's."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(10.0))

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = torch.cat([torch.zeros_like(image), image, image - 100], dim=1)
        return {"out": self.scale * logits, "aux": logits}


@pytest.fixture
def masks() -> Batch:
    """Four images of which the upper half is bright; the mask has a corner of class 2."""
    image = -torch.ones(4, 1, 6, 6)
    image[:, :, :3] = 1
    label = (image[:, 0] > 0).byte()
    label[:, 4:, :2] = 2
    return Batch(image, label)


def outcome(task: SegmentationTask, batch: Batch) -> tuple[Trainer, dict[str, torch.Tensor]]:
    kept: list[dict[str, torch.Tensor]] = []
    task.on_test_batch_end = lambda outputs, *_: kept.append(outputs)
    trainer = bare_trainer()
    trainer.test(task, DataLoader([batch], batch_size=None), verbose=False)
    return trainer, kept[0]


def test_headline_is_the_mean_iou() -> None:
    assert SegmentationTask.headline == Metric("miou", "max", "percent")
    assert SegmentationTask.kind == "segmentation"


def test_mean_iou_is_that_of_all_pixels(masks: Batch) -> None:
    trainer, _ = outcome(SegmentationTask(OfBrightness(), 3), masks)
    found = trainer.callback_metrics["test/miou"].item()
    assert found == pytest.approx((14 / 18 + 1 + 0) / 3)  # ground, bright, corner


def test_class_that_never_occurs_does_not_count(masks: Batch) -> None:
    masks.label[masks.label == 2] = 0
    trainer, _ = outcome(SegmentationTask(OfBrightness(), 3), masks)
    assert trainer.callback_metrics["test/miou"].item() == 1


def test_ignored_pixels_count_nowhere(masks: Batch) -> None:
    masks.label[masks.label == 2] = IGNORED
    trainer, outputs = outcome(SegmentationTask(OfBrightness(), 3), masks)
    assert trainer.callback_metrics["test/miou"].item() == 1
    assert trainer.callback_metrics["test/loss"].item() < 1e-3
    assert outputs["union"].tolist() == [[14, 18, 0]] * 4


def test_each_image_tells_its_intersections_and_unions(masks: Batch) -> None:
    masks.label[1] = 1
    _, outputs = outcome(SegmentationTask(OfBrightness(), 3), masks)
    assert outputs["intersection"].tolist() == [[14, 18, 0], [0, 18, 0]] + [[14, 18, 0]] * 2
    assert outputs["union"].tolist() == [[18, 18, 4], [18, 36, 0]] + [[18, 18, 4]] * 2


def test_intersections_and_unions_make_the_mean_iou(batch: Batch) -> None:
    label = batch.image[:, 0].mul(3).long() % 10
    label[0, 0] = IGNORED
    network = UNet(num_classes=10, width=2, depth=1)
    trainer, outputs = outcome(SegmentationTask(network, 10), Batch(batch.image, label))
    iou = outputs["intersection"].sum(0) / outputs["union"].sum(0)
    assert iou.mean().item() == pytest.approx(trainer.callback_metrics["test/miou"].item())


def test_ignored_label_is_no_class() -> None:
    with pytest.raises(ValueError, match="ignore_index must be no class of the 3, got 0"):
        SegmentationTask(OfBrightness(), 3, ignore_index=0)


def test_batch_of_ignored_pixels_does_not_change_the_loss(masks: Batch) -> None:
    metric = LossAndIoU(3, IGNORED)
    logits = OfBrightness()(masks.image)["out"]
    metric.update(torch.tensor(2.0), logits, masks.label)
    metric.update(torch.tensor(torch.nan), logits, torch.full_like(masks.label, IGNORED))
    assert metric.compute()["loss"].item() == 2


def test_metric_weighs_batches_by_their_pixels(masks: Batch) -> None:
    metric = LossAndIoU(3, IGNORED)
    logits = OfBrightness()(masks.image)["out"]
    metric.update(torch.tensor(1.0), logits, masks.label)
    metric.update(torch.tensor(3.0), logits[:1], masks.label[:1])
    assert metric.compute()["loss"].item() == pytest.approx((4 * 1 + 3) / 5)


@pytest.mark.parametrize(
    ("network", "got"), [(UNet(num_classes=4), "4, 28, 28"), (nn.Conv2d(1, 3, 3), "3, 26, 26")]
)
def test_other_logits_than_the_masks_need_are_refused(network, got: str, batch: Batch) -> None:
    label = torch.zeros(20, 28, 28, dtype=torch.uint8)
    with pytest.raises(UsageError, match=rf"logits of \(20, {got}\), .* need \(20, 3, 28, 28\)"):
        outcome(SegmentationTask(network, 3), Batch(batch.image, label))


def test_digits_in_clutter_are_evaluated_and_shown(finished: Train, capsys, monkeypatch) -> None:
    metrics = finished(*CLUTTERED, "--trainer.max_epochs=1")
    evaluate(["last"])
    told = capsys.readouterr().out
    assert f"\ntest/miou      {metrics['test/miou']:.6g}\n" in told
    assert "\nIoU by class   " in told
    folder = Path("lightning_logs/version_0/evaluation/best_test")
    assert {file.name for file in folder.glob("*.png")} == {"iou_by_class.png", "worst_images.png"}
    evaluate(["last", "--split=val", "--out=here"])
    found = json.loads(Path("here/summary.json").read_text())
    assert found["measured"]["miou"] == pytest.approx(found["metrics"]["val/miou"])
    monkeypatch.setattr("src.report._default", dict)
    report(["last"])
    page = Path("report.html").read_text()
    assert page.count("<img") == 2
    assert '<th scope="row">test/miou</th>' in page
