"""What all data sets share whose images are made of digits."""

from pathlib import Path
from typing import Any

import pytest
import torch

from src.batch import TargetBatch
from src.data import MNISTDataModule, PerImageAffine
from src.data.made_mnist import MadeMNISTDataModule
from src.engine import UsageError
from src.models import CNN
from src.tasks import RegressionTask
from tests.bare_trainer import bare_trainer
from tests.tiny_cluttered_mnist import TinyClutteredMNIST
from tests.tiny_mnist import write_files
from tests.tiny_several_mnist import TinySeveralMNIST
from tests.tiny_turned_mnist import TinyTurnedMNIST

MODULES = [TinyClutteredMNIST, TinySeveralMNIST, TinyTurnedMNIST]


@pytest.fixture(params=MODULES, ids=lambda kind: kind.__name__)
def module(request: pytest.FixtureRequest, tmp_path: Path) -> MadeMNISTDataModule:
    write_files(tmp_path / "MNIST" / "raw")
    found = request.param(str(tmp_path), batch_size=20)
    found.prepare_data()
    found.setup("fit")
    return found


def test_images_of_evaluation_are_always_the_same(module: Any, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")
    torch.manual_seed(7)
    again = type(module)(str(tmp_path)).read_splits()
    plain = MNISTDataModule(str(tmp_path)).read_splits()
    assert torch.equal(module.splits["train"].image, plain["train"].image)
    for split in ("val", "test"):
        here, there = module.splits[split], again[split]
        assert torch.equal(here.image, there.image)
        assert torch.equal(here.label, there.label)
        assert not torch.equal(here.image, plain[split].image)


def test_augmentation_that_the_target_does_not_know_is_refused(module: Any, tmp_path: Path) -> None:
    other = type(module)(str(tmp_path), augment=PerImageAffine())
    with pytest.raises(UsageError, match=f"--data.augment: {type(module).__name__} makes each"):
        other.setup("fit")


def test_each_epoch_of_the_training_has_new_images(module: Any, monkeypatch) -> None:
    seen: list[TargetBatch] = []

    def keep(task: RegressionTask, batch: TargetBatch, index: int) -> torch.Tensor:
        seen.append(batch)
        return 0 * task(batch.image).sum()

    monkeypatch.setattr(RegressionTask, "training_step", keep)
    module.shuffle = False
    for _ in range(2):
        task = RegressionTask(CNN())
        bare_trainer(max_epochs=2, limit_train_batches=1, limit_val_batches=0).fit(task, module)
    assert not torch.equal(seen[0].image, seen[1].image)
    for first, again in ((0, 2), (1, 3)):  # the same in a run of the same seed
        assert torch.equal(seen[first].image, seen[again].image)
        assert torch.equal(seen[first].target, seen[again].target)
