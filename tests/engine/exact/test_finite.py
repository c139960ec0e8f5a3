import math
import re
from types import SimpleNamespace as Fake

import pytest
import torch

from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.engine.exact.finite import FiniteGuard
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


def guarded(every: int = 3, accumulated: int = 1, all_finite=lambda here: here) -> tuple:
    """A guard and a trainer at step 40 that looks at each so many losses."""
    trainer = Fake(log_every_n_steps=every, accumulate_grad_batches=accumulated, global_step=40)
    trainer.strategy = Fake(reduce_boolean_decision=all_finite)
    trainer.optimizers = [Fake(param_groups=[{"lr": 0.12345}])]
    trainer.current_epoch = 1
    trainer.lightning_module = torch.nn.Linear(1, 1)
    trainer.lightning_module.automatic_optimization = True
    return FiniteGuard(), trainer


def batches(guard: FiniteGuard, trainer: Fake, first: int, *losses: object) -> None:
    for batch, loss in enumerate(losses, first):
        guard.on_train_batch_start(trainer, None, None, batch)
        guard.on_train_batch_end(trainer, None, loss, None, batch)


@pytest.mark.parametrize(
    ("accumulated", "first", "bad", "step"), [(1, 5, 1, 42), (2, 5, 1, 42), (2, 4, 1, 41)]
)
def test_place_of_a_loss_that_is_not_finite_is_told(
    accumulated: int, first: int, bad: int, step: int
) -> None:
    guard, trainer = guarded(3, accumulated)
    losses = [torch.tensor(1.0), torch.tensor(1.0), torch.tensor(1.0)]
    losses[bad] = torch.tensor(math.inf)
    said = (
        f"the loss is inf at step {step} (epoch 2, batch {first + bad + 1}): the learning rate is "
        "0.123, try a lower one; saved states are finite"
    )
    with pytest.raises(FloatingPointError, match=f"^{re.escape(said)}$"):
        batches(guard, trainer, first, *({"loss": loss} for loss in losses))


def test_losses_are_looked_at_together_and_once() -> None:
    looks = []
    guard, trainer = guarded(3, all_finite=lambda here: looks.append(here) or here)
    batches(guard, trainer, 0, torch.tensor(1.0), None, torch.tensor(1.0))
    assert looks == []
    batches(guard, trainer, 3, torch.tensor(1.0))
    assert looks == [True]
    for look in (guard.on_validation_start, guard.on_train_epoch_end):
        look(trainer, None)
        assert len(looks) == 1
    for number, look in enumerate((guard.on_validation_start, guard.on_train_epoch_end), 2):
        batches(guard, trainer, 4, torch.tensor(1.0))
        look(trainer, None)
        assert len(looks) == number
    batches(guard, trainer, 4, torch.tensor(math.nan))
    guard.on_train_start(trainer, trainer.lightning_module)
    guard.on_validation_start(trainer, None)
    assert len(looks) == 3


def test_loss_of_another_process_is_told() -> None:
    guard, trainer = guarded(1, all_finite=lambda here: False)
    with pytest.raises(FloatingPointError, match=r"^the loss of another process is not finite$"):
        batches(guard, trainer, 0, torch.tensor(1.0))


def test_state_is_looked_at_before_it_is_saved() -> None:
    guard, trainer = guarded()
    guard.on_save_checkpoint(trainer, None, {"state_dict": {"a": torch.ones(2), "b": "text"}})
    bad = {"a": torch.ones(2), "w": torch.tensor([1.0, math.nan])}
    said = "^w is not finite after step 40 and was not saved: the learning rate is 0.123, try a"
    with pytest.raises(FloatingPointError, match=said):
        guard.on_save_checkpoint(trainer, None, {"state_dict": bad})
    batches(guard, trainer, 0, torch.tensor(math.nan))
    with pytest.raises(FloatingPointError, match=r"^the loss is nan at step 41"):
        guard.on_save_checkpoint(trainer, None, {"state_dict": {}})


def test_rate_of_a_schedule_that_has_ended_is_not_blamed() -> None:
    guard, trainer = guarded(1)
    trainer.optimizers = [Fake(param_groups=[{"lr": 0.0}])]
    with pytest.raises(FloatingPointError, match=r"\): try a lower learning rate; saved states"):
        batches(guard, trainer, 0, torch.tensor(math.nan))


def test_place_in_a_module_that_steps_by_hand_is_its_batch() -> None:
    guard, trainer = guarded(1)
    trainer.lightning_module.automatic_optimization = False
    trainer.optimizers = [Fake(param_groups=[{"lr": rate}]) for rate in (0.1, 0.2, 0.1)]
    said = (
        r"^the loss is nan in epoch 2, batch 6: the learning rates are 0\.1 and 0\.2, try a lower"
    )
    with pytest.raises(FloatingPointError, match=said):
        batches(guard, trainer, 5, torch.tensor([1.0, math.nan]))
    trainer.optimizers = []
    with pytest.raises(FloatingPointError, match=r"batch 6: saved states are finite$"):
        batches(guard, trainer, 5, torch.tensor(math.nan))


def test_batch_that_gave_no_loss_is_counted() -> None:
    guard, trainer = guarded(2)
    with pytest.raises(FloatingPointError, match=r"at step 43 \(epoch 2, batch 3\)"):
        batches(guard, trainer, 0, torch.tensor(1.0), None, torch.tensor(math.inf))


def test_mask_that_is_never_finite_is_saved() -> None:
    guard, trainer = guarded()
    module = torch.nn.Module()
    module.register_buffer("mask", torch.tensor([0.0, -math.inf]))
    module.register_buffer("mean", torch.zeros(1))
    guard.on_train_start(trainer, module)
    guard.on_save_checkpoint(trainer, module, {"state_dict": module.state_dict()})
    module.mean.fill_(math.nan)
    with pytest.raises(FloatingPointError, match=r"^mean is not finite"):
        guard.on_save_checkpoint(trainer, module, {"state_dict": module.state_dict()})
