import math

import pytest
import torch

from src.experiment.checkpoint_file import read_checkpoint
from src.tasks import ClassificationTask
from tests.conftest import Train
from tests.test_train import refusal_of


def nan_at(monkeypatch: pytest.MonkeyPatch, step: int, in_loss: bool = True) -> None:
    original = ClassificationTask.training_step

    def training_step(self, batch, batch_idx):
        loss = original(self, batch, batch_idx)
        if self.global_step == step and in_loss:
            return loss * math.nan
        if self.global_step == step:
            self.network.layer.bias.data.fill_(math.nan)
        return loss

    monkeypatch.setattr(ClassificationTask, "training_step", training_step)


def test_loss_that_is_not_finite_ends_the_run(train: Train, monkeypatch, capsys) -> None:
    nan_at(monkeypatch, 12)
    code, line = refusal_of(capsys, lambda: train("--trainer.max_epochs=9"))
    assert code == 1
    assert "the loss is nan at step 13 (epoch 2, batch 2): the learning rate is" in line
    state = read_checkpoint("checkpoints/version_0/last.ckpt")
    assert state["global_step"] == 11
    assert all(torch.isfinite(value).all() for value in state["state_dict"].values())


def test_step_is_counted_with_accumulated_gradients(train: Train, monkeypatch, capsys) -> None:
    nan_at(monkeypatch, 7)
    flags = "--trainer.max_epochs=9", "--trainer.accumulate_grad_batches=2"
    _, line = refusal_of(capsys, lambda: train(*flags))
    assert "at step 8 (epoch 2, batch 3)" in line


def test_weights_that_are_not_finite_are_not_saved(train: Train, monkeypatch, capsys) -> None:
    nan_at(monkeypatch, 10, in_loss=False)
    code, line = refusal_of(capsys, lambda: train("--trainer.limit_val_batches=0"))
    assert code == 1
    assert "network.layer.bias is not finite after step 11 and was not saved" in line
