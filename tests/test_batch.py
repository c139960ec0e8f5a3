import pytest
import torch
from lightning.pytorch.utilities import move_data_to_device

from src.batch import Batch


def test_batch_survives_move_to_device(batch: Batch) -> None:
    moved = move_data_to_device(batch, torch.device("meta"))
    assert isinstance(moved, Batch)
    assert moved.image.device.type == "meta"


def test_batch_cannot_be_changed(batch: Batch) -> None:
    with pytest.raises(AttributeError):
        batch.label = batch.label + 1
