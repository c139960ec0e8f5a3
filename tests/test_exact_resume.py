"""A run that is stopped, however, and continued is the run that was never stopped, to the last bit."""

import os
import signal
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from src.experiment.checkpoint_file import read_checkpoint
from src.experiment.digest import digest
from src.train import main
from tests.conftest import Train

NOISY = [
    "--model.network=tests.noisy_network.NoisyNetwork",
    "--data.augment=src.data.PerImageAffine",
    "--data.augment.shift_px=2",
]
EXACT = ("state_dict", "optimizer_states", "lr_schedulers", "epoch_metrics", "metrics")


def state(run: int = 0, parts: tuple[str, ...] = EXACT) -> dict[str, str]:
    """Digests of all that a run ends with."""
    checkpoint = read_checkpoint(f"checkpoints/version_{run}/last.ckpt")
    return {part: digest(checkpoint[part]) for part in parts}


def curves(run: int = 0) -> dict[str, list[tuple[int, float]]]:
    """Points of all curves but those that measure time."""
    events = EventAccumulator(f"lightning_logs/version_{run}", size_guidance={"scalars": 0})
    return {
        tag: [(point.step, point.value) for point in events.Scalars(tag)]
        for tag in events.Reload().Tags()["scalars"]
        if tag not in ("train/images_per_s", "test/acc", "test/loss", "val/acc_best")
    }


def stop_at(monkeypatch: pytest.MonkeyPatch, step: int, signum: int = signal.SIGTERM) -> Any:
    """Send a signal while the batch after a step is being computed."""
    from src.tasks import ClassificationTask

    original, sent = ClassificationTask.training_step, []

    def training_step(self, batch, batch_idx):
        if self.global_step >= step and not sent:
            sent.append(step)
            os.kill(os.getpid(), signum)
        return original(self, batch, batch_idx)

    monkeypatch.setattr(ClassificationTask, "training_step", training_step)


def stopped(train: Train, monkeypatch: pytest.MonkeyPatch, step: int, *args: str) -> int:
    with monkeypatch.context() as patch, pytest.raises(SystemExit) as stop:
        stop_at(patch, step)
        train(*args)
    return stop.value.code


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--data.num_workers=2"],
        ["--trainer.accumulate_grad_batches=2"],
        ["--trainer.val_check_interval=4"],
        ["--trainer.callbacks+=EMAWeightAveraging"],
        ["--model.scheduler=StepLR", "--model.scheduler.step_size=1"],
        [
            "--model.scheduler=torch.optim.lr_scheduler.ReduceLROnPlateau",
            "--model.scheduler.patience=0",
        ],
        ["--model.optimizer=SGD", "--model.optimizer.momentum=0.9"],
        ["--trainer.limit_val_batches=0"],
        ["--trainer.check_val_every_n_epoch=2"],
        ["--trainer.limit_train_batches=7"],
        ["--trainer.reload_dataloaders_every_n_epochs=1"],
        ["--trainer.precision=bf16-mixed"],
    ],
    ids=lambda options: " ".join(options) or "plain",
)
def test_stopped_run_ends_like_one_never_stopped(
    train: Train, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    args = [*NOISY, "--trainer.max_epochs=3", *options]
    train(*args)
    for step in (5, 10, 11, 12, 14):
        code = stopped(train, monkeypatch, step, *args) if step == 5 else None
        if step > 5:
            with monkeypatch.context() as patch, pytest.raises(SystemExit) as stop:
                stop_at(patch, step)
                main(["--ckpt_path=last"])
            code = stop.value.code
        assert code == 143
    main(["--ckpt_path=last"])
    assert state(1) == state(0)
    assert curves(1) == curves(0)
