"""What a configuration describes, made without a Trainer."""

import pytest
import torch
import yaml

from src.engine.checkpoints.build import build
from src.engine.checkpoints.consent import trust
from src.engine.checkpoints.trusted import Trusted
from src.models import CNN
from tests import foreign
from tests.tiny_mnist import TinyMNIST


def test_task_of_other_sizes_takes_no_memory() -> None:
    trust("tests")
    network = {"class_path": "src.models.CNN", "init_args": {"hidden": [10**7, 10**7]}}
    config = {
        "model": {"class_path": "src.tasks.ClassificationTask", "init_args": {"network": network}},
        "data": {"class_path": "tests.tiny_mnist.TinyMNIST"},
    }
    with pytest.raises(ValueError, match=r"fc1.weight|fc2.weight|missing"):
        build(Trusted.read(yaml.safe_dump(config)), {})


def test_parts_are_joined_as_in_a_training() -> None:
    network = {"class_path": "src.models.CNN", "init_args": {"width": 8}}
    config = {
        "model": {"class_path": "src.tasks.ClassificationTask", "init_args": {"network": network}},
        "data": {"class_path": "tests.tiny_mnist.TinyMNIST", "init_args": {"batch_size": 7}},
    }
    trust("tests")
    task, data = build(Trusted.read(yaml.safe_dump(config)))
    assert isinstance(data, TinyMNIST)
    assert data.batch_size == 7
    assert isinstance(task.network, CNN)
    assert task.network.conv1.out_channels == 8
    assert task.network.fc3.out_features == data.num_classes


@pytest.mark.parametrize("data", [{}, {"data": None}])
def test_task_with_its_own_loaders_has_no_data_set(data: dict[str, None]) -> None:
    trust("tests")
    config = {"model": {"class_path": "tests.foreign.Regression"}, **data}
    task, made = build(Trusted.read(yaml.safe_dump(config)))
    assert isinstance(task, foreign.Regression)
    assert made is None


def test_what_is_drawn_while_parts_are_made_is_that_of_the_seed() -> None:
    trust("tests")
    for seed, same in ((1, True), (2, False)):
        config = {"model": {"class_path": "tests.foreign.Regression"}, "seed_everything": seed}
        task, _ = build(Trusted.read(yaml.safe_dump(config)))
        torch.manual_seed(1)
        assert torch.equal(task.line.weight, foreign.Regression().line.weight) == same


def test_task_that_lacks_its_data_set_is_one_line() -> None:
    trust("tests")
    network = {"class_path": "tests.one_layer.OneLayer"}
    part = {"class_path": "src.tasks.ClassificationTask", "init_args": {"network": network}}
    with pytest.raises(ValueError, match=r"of other code than this: .*(num_classes|image_shape)"):
        build(Trusted.read(yaml.safe_dump({"model": part})))
