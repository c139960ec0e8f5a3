"""What a configuration describes, made without a Trainer."""

from src.experiment.build import build
from src.models import CNN
from tests.tiny_mnist import TinyMNIST


def test_parts_are_joined_as_in_a_training() -> None:
    network = {"class_path": "src.models.CNN", "init_args": {"width": 8}}
    task, data = build(
        {
            "model": {
                "class_path": "src.tasks.ClassificationTask",
                "init_args": {"network": network},
            },
            "data": {"class_path": "tests.tiny_mnist.TinyMNIST", "init_args": {"batch_size": 7}},
        }
    )
    assert isinstance(data, TinyMNIST)
    assert data.batch_size == 7
    assert isinstance(task.network, CNN)
    assert task.network.conv1.out_channels == 8
    assert task.network.fc3.out_features == data.num_classes
