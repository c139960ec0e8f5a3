"""An evaluation in TensorBoard."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from src.batch import Batch
from src.evaluation.board import last_hidden, write_board, write_projector
from src.models import CNN
from tests.evaluation.test_measures import answers

NAMES = list("0123456789")


def write(folder: Path) -> None:
    picture = np.zeros((8, 8, 3), dtype=np.uint8)
    write_board(folder, "test", 7, {"confusion": picture}, answers(), NAMES)


def test_pictures_and_curves_are_shown(tmp_path: Path) -> None:
    write(tmp_path)
    events = EventAccumulator(str(tmp_path)).Reload()
    assert events.Tags()["images"] == ["test/confusion"]
    assert events.Tags()["tensors"] == [f"test/{name}" for name in NAMES]
    assert events.Images("test/confusion")[0].step == 7


def test_second_evaluation_replaces_the_first(tmp_path: Path) -> None:
    (tmp_path / "events.out.tfevents.1.of_the_run").touch()
    write(tmp_path)
    write(tmp_path)
    assert len([*tmp_path.glob("events*")]) == 2


def test_projector_has_a_point_per_image(tmp_path: Path) -> None:
    image = torch.zeros(20, 1, 28, 28, dtype=torch.uint8)
    for _ in range(2):
        write_projector(tmp_path, 7, torch.rand(20, 5), torch.arange(20) % 10, image, NAMES)
    assert (tmp_path / "projector_config.pbtxt").read_text().count("embeddings {") == 1
    (points,) = tmp_path.glob("*/embedding/tensors.tsv")
    assert len(points.read_text().splitlines()) == 20


def test_last_hidden_is_input_of_last_layer(batch: Batch) -> None:
    network = CNN().eval()
    features = last_hidden(network, batch)
    assert features.shape == (20, 128)
    with torch.no_grad():
        assert torch.allclose(network.fc3(features), network(batch.image), atol=1e-6)


def test_network_without_linear_layer_is_refused(batch: Batch) -> None:
    with pytest.raises(ValueError, match=r"the network has none"):
        last_hidden(nn.Flatten(), batch)
