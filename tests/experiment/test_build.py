"""What a configuration describes, made without a Trainer."""

import pytest
import yaml

from src.experiment.build import build
from src.experiment.consent import trust
from src.experiment.trusted import Trusted
from src.models import CNN
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
