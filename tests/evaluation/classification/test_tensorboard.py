"""An evaluation in TensorBoard."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray
from torch import nn

from src.batch import Batch
from src.evaluation.classification.tensorboard import (
    last_hidden,
    write_projector,
    write_tensorboard,
)
from src.models import CNN
from tests.evaluation.classification.test_measures import answers

NAMES = list("0123456789")


def write(folder: Path) -> None:
    picture = np.zeros((8, 6, 3), dtype=np.uint8)
    write_tensorboard(folder, "test", 7, {"confusion": picture}, answers(), NAMES)


def test_pictures_and_curves_are_shown(tmp_path: Path) -> None:
    write(tmp_path)
    events = EventAccumulator(str(tmp_path)).Reload()
    assert events.Tags()["images"] == ["test/confusion"]
    assert events.Tags()["tensors"] == [f"test/{name}" for name in NAMES]
    (shown,) = events.Images("test/confusion")
    assert (shown.step, shown.width, shown.height) == (7, 6, 8)
    (curve,) = events.Tensors("test/3")
    counts = make_ndarray(curve.tensor_proto)
    right = (answers().label == 3).sum().item()
    assert (curve.step, counts[0, 0], counts[:2, 0].sum()) == (7, right, 500)


def test_second_evaluation_replaces_the_first(tmp_path: Path) -> None:
    (tmp_path / "events.out.tfevents.1.of_the_run").touch()
    write(tmp_path)
    write(tmp_path)
    names = [file.name for file in tmp_path.glob("events*")]
    assert len(names) == 2
    assert sum(name.endswith(".evaluation.test") for name in names) == 1


def test_projector_has_a_point_per_image(tmp_path: Path) -> None:
    image, features = torch.full((20, 1, 28, 28), 51, dtype=torch.uint8), torch.rand(20, 5)
    for _ in range(2):
        write_projector(tmp_path, 7, features, torch.arange(20) % 10, image, [*NAMES[:9], "9\n"])
    assert (tmp_path / "projector_config.pbtxt").read_text().count("embeddings {") == 1
    (points,) = tmp_path.glob("*/embedding/tensors.tsv")
    assert len(points.read_text().splitlines()) == 20
    assert points.parents[1].name == "00007"
    labels = points.with_name("metadata.tsv").read_text().splitlines()
    assert labels == [*NAMES[:9], r"9\n"] * 2
    sprite = np.asarray(Image.open(points.with_name("sprite.png")))
    assert set(sprite[:28, :28].flatten().tolist()) == {51}
    assert not [*tmp_path.glob("events*")]


def test_link_to_other_points_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other" / "embedding").mkdir(parents=True)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "00001").symlink_to(tmp_path / "other")
    (tmp_path / "run" / "00002" / "embedding").mkdir(parents=True)
    image = torch.zeros(1, 1, 4, 4, dtype=torch.uint8)
    write_projector(tmp_path / "run", 7, torch.rand(1, 5), torch.tensor([3]), image, NAMES)
    assert (tmp_path / "other" / "embedding").is_dir()
    assert not (tmp_path / "run" / "00002" / "embedding").exists()


def test_last_hidden_is_input_of_last_layer(batch: Batch) -> None:
    network = CNN().eval()
    features = last_hidden(network, batch)
    assert (features.shape, features.requires_grad) == ((20, 128), False)
    assert not network.fc3._forward_pre_hooks
    with torch.no_grad():
        assert torch.allclose(network.fc3(features), network(batch.image), atol=1e-6)


def test_network_without_linear_layer_is_refused(batch: Batch) -> None:
    with pytest.raises(ValueError, match=r"the network has none"):
        last_hidden(nn.Flatten(), batch)
