from types import SimpleNamespace

import pytest
import torch
from torch.utils.data import DataLoader

from src.batch import Batch
from src.evaluation.segmentation import evaluation
from src.evaluation.wing import Addition, Split

NAMES = ("ground", "left", "right", "never")


class Thirds:
    """Six images in batches of four; image i has i columns of each class but the ground."""

    class_names = NAMES

    def test_dataloader(self) -> DataLoader:
        label = torch.zeros(6, 8, 12, dtype=torch.uint8)
        for number in range(6):
            label[number, :, :number] = 1
            label[number, :, 12 - number :] = 2
        image = label.unsqueeze(1).float()
        batches = [Batch(image[:4], label[:4]), Batch(image[4:], label[4:])]
        return DataLoader(batches, batch_size=None)

    def on_after_batch_transfer(self, batch: Batch, _: int) -> Batch:
        return Batch(batch.image - 1, batch.label)


class AllLeft(SimpleNamespace):
    """Takes everything but the ground for the left."""

    device = torch.device("cpu")

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        one = (image[:, 0] > -1).float()
        return torch.stack([1 - one, one, 0 * one, 0 * one], dim=1)


@pytest.fixture
def split() -> Split:
    number = torch.arange(6)
    side, nothing = 8 * number, 0 * number
    ground = 96 - 2 * side
    outputs = {
        "intersection": torch.stack([ground, side, nothing, nothing], 1).int(),
        "union": torch.stack([ground, 2 * side, side, nothing], 1).int(),
    }
    return Split("test", outputs, AllLeft(), Thirds())


@pytest.fixture
def added(split: Split) -> Addition:
    return evaluation.evaluate(split)


def test_iou_of_each_class_is_that_of_all_pixels(added: Addition) -> None:
    assert added.values["iou"] == {"ground": 1, "left": 0.5, "right": 0, "never": None}
    assert added.values["miou"] == pytest.approx(0.5)
    assert added.rows["IoU by class"] == "right 0.00%, left 50.00%, ground 100.00%"


def test_worst_images_come_first(added: Addition) -> None:
    assert [each["index"] for each in added.values["worst"]] == [1, 2, 3, 4, 5, 0]
    assert added.values["worst"][0]["iou"] == pytest.approx(0.5)
    assert added.rows["worst images"].startswith("1 (50.0%), 2 (50.0%)")


def test_shown_images_are_those_that_are_named(split: Split, monkeypatch) -> None:
    monkeypatch.setattr(evaluation, "draw_overlays", lambda *given: drawn.append(given) or figure)
    drawn: list = []
    figure = evaluation.draw_classes({"a": 1.0})
    evaluation.evaluate(split)
    shown, names = drawn[0]
    assert names == NAMES
    assert [each.place for each in shown] == [1, 2, 3, 4, 5, 0]
    for each in shown:
        assert ((each.label == 1).sum(0) > 0).sum() == each.place
        assert (each.prediction[each.label == 2] == 1).all()
        assert each.image.max() == (1 if each.place else -1)  # as the network gets it


def test_many_classes_are_not_all_named() -> None:
    found = {f"c{number}": number / 100 for number in range(30)}
    assert evaluation._listed(found).endswith("c11 11.00% and 18 better ones")


def test_pictures_are_drawn(added: Addition) -> None:
    assert [*added.pictures] == ["iou_by_class", "worst_images"]
    assert all(len(picture.shape) == 3 for picture in added.pictures.values())
