"""A run that is stopped and continued is the run that was never stopped, to the last bit."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import LightningModule
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.engine.checkpoints.digest import digest
from src.engine.training.cli import TrainCLI
from src.reproduce import main as reproduce
from src.tasks import ClassificationTask
from src.train import main
from tests.conftest import Train
from tests.test_train import refusal, refusal_of

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


def curves(run: int = 0) -> dict[str, list]:
    """Points of all curves but those that measure time; or the lines of `metrics.csv`."""
    table = Path(f"lightning_logs/version_{run}/metrics.csv")
    if table.is_file():
        return {"csv": table.read_text().splitlines()}
    events = EventAccumulator(f"lightning_logs/version_{run}", size_guidance={"scalars": 0})
    return {
        tag: [(point.step, point.value) for point in events.Scalars(tag)]
        for tag in events.Reload().Tags()["scalars"]
        if tag not in ("train/samples_per_s", "test/acc", "test/loss", "val/acc_best")
    }


@contextmanager
def stop_at(
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    signum: int = signal.SIGTERM,
    task: type[LightningModule] = ClassificationTask,
) -> Iterator[None]:
    """Send a signal while the batch after a step is computed; the command then ends by it."""
    original, sent = task.training_step, []

    def training_step(self, batch, batch_idx):
        if self.global_step >= step and not sent:
            sent.append(os.kill(os.getpid(), signum))
        return original(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(task, "training_step", training_step)
        with pytest.raises(SystemExit) as stop:
            yield
    assert stop.value.code == 128 + signum


ALL = (5, 10, 11, 12, 14)  # in an epoch; before, at and after its end
MOVING = "--trainer.callbacks+=EMAWeightAveraging"
OPTIONS = [
    "--data.num_workers=2",
    "--trainer.accumulate_grad_batches=2",
    "--trainer.val_check_interval=4",
    MOVING,
    "--model.scheduler=torch.optim.lr_scheduler.ReduceLROnPlateau",
    "--model.scheduler=StepLR --model.scheduler.step_size=1",
    "--model.optimizer=SGD --model.optimizer.momentum=0.9",
    "--trainer.limit_val_batches=0",
    "--trainer.check_val_every_n_epoch=2",
    "--trainer.limit_train_batches=7",
    "--trainer.reload_dataloaders_every_n_epochs=1",
    "--trainer.precision=bf16-mixed",
    "--trainer.gradient_clip_val=0.1",
    "--trainer.max_steps=29",
    "--trainer.logger=CSVLogger --trainer.logger.save_dir=.",
    "--trainer.check_val_every_n_epoch=null --trainer.val_check_interval=7",
    "--trainer.precision=64-true",
    "--trainer.callbacks+=GradientAccumulationScheduler"
    ' --trainer.callbacks.scheduling={"0":2,"2":1}',
]


@pytest.mark.parametrize(
    ("options", "stops"),
    [
        pytest.param("", ALL, id="plain"),
        pytest.param(MOVING, (5, 14), id="moving average"),
        *(pytest.param(options, ALL, marks=pytest.mark.slow) for options in OPTIONS),
    ],
)
def test_stopped_run_ends_like_one_never_stopped(
    train: Train, monkeypatch: pytest.MonkeyPatch, options: str, stops: tuple[int, ...]
) -> None:
    args = [*NOISY, "--trainer.max_epochs=3", *options.split()]
    train(*args)
    for count, step in enumerate(stops):
        with stop_at(monkeypatch, step):
            main(["--ckpt_path=last"]) if count else train(*args)
    main(["--ckpt_path=last"])
    assert state(1) == state(0)
    assert curves(1) == curves(0)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_signal_saves_the_state_and_tells_how_to_go_on(
    train: Train, monkeypatch, capsys, signum: int
) -> None:
    with stop_at(monkeypatch, 5, signum):
        train()
    assert read_checkpoint("checkpoints/version_0/last.ckpt")["global_step"] == 6
    error = capsys.readouterr().err
    assert f"stopped by {signal.Signals(signum).name}; continue with" in error
    assert "python -m src.train --ckpt_path checkpoints/version_0" in error
    assert not Path("lightning_logs/version_0/metrics.json").exists()  # it was not tested


def test_bar_of_a_resumed_epoch_has_its_length(train: Train, monkeypatch, capsys) -> None:
    with stop_at(monkeypatch, 14):
        train("--trainer.max_epochs=2")
    capsys.readouterr()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    main(["--ckpt_path=last", "--trainer.enable_progress_bar=true"])
    assert "Epoch 1: 100%|██████████| 11/11 " in capsys.readouterr().out


def test_settings_of_the_machine_change_no_bit(train: Train) -> None:
    workers, saving = "--data.num_workers=2", "--last.every_n_steps=3"
    often = ["--trainer.val_check_interval=4", "--trainer.log_every_n_steps=1"]
    for options in ([], [workers, saving, *often], ["--trainer.logger=false"]):
        train(*NOISY, "--trainer.max_epochs=2", *options)
    weights = {digest(read_checkpoint(path)["state_dict"]) for path in Path().glob("*/*/last.ckpt")}
    assert len(weights) == 1


def test_run_cut_by_its_steps_can_be_extended(train: Train) -> None:
    constant = [*NOISY, "--model.scheduler=null"]
    train(*constant, "--trainer.max_epochs=2")
    train(*constant, "--trainer.max_epochs=2", "--trainer.max_steps=15")
    main(["--ckpt_path=last", "--trainer.max_steps=-1"])
    assert state(1, EXACT[:2]) == state(0, EXACT[:2])


def test_best_state_resumes_like_the_last(train: Train) -> None:
    train(*NOISY, "--trainer.max_epochs=3", "--best.monitor=train/lr", "--best.mode=max")
    Path("copied").mkdir()
    Path("checkpoints/version_0/best.ckpt").rename("copied/early.ckpt")
    assert read_checkpoint("copied/early.ckpt")["global_step"] == 11
    main(["--ckpt_path=copied/early.ckpt"])
    assert state(1) == state(0)
    assert Path("copied/early.ckpt").is_file()


EARLY = [
    "--trainer.max_epochs=20",
    "--trainer.callbacks+=EarlyStopping",
    "--trainer.callbacks.monitor=val/acc",
    "--trainer.callbacks.mode=max",
    "--trainer.callbacks.patience=1",
]


def test_run_that_stopped_early_is_only_tested(train: Train, monkeypatch, capsys) -> None:
    def interrupt(self: TrainCLI) -> None:
        raise KeyboardInterrupt

    train(*EARLY)
    with monkeypatch.context() as patch:
        patch.setattr(TrainCLI, "test", interrupt)
        with pytest.raises(SystemExit):
            train(*EARLY)
    main(["--ckpt_path=last"])
    figures = [
        json.loads(Path(f"lightning_logs/version_{n}/metrics.json").read_text()) for n in "01"
    ]
    assert figures[0]["steps"] == figures[1]["steps"] < 220
    assert state(1) == state(0)
    code, line = refusal(capsys, "--ckpt_path=last")
    assert (code, "the training ended by itself at step" in line) == (2, True)


def test_new_patience_of_the_command_wins(train: Train) -> None:
    metrics = train(*EARLY)
    config = yaml.safe_load(Path("lightning_logs/version_0/config.yaml").read_text())
    (callback,) = config["trainer"]["callbacks"]
    callback["init_args"]["patience"] = 4
    main(["--ckpt_path=last", f"--trainer.callbacks={json.dumps([callback])}"])
    again = json.loads(Path("lightning_logs/version_0/metrics.json").read_text())
    assert again["epochs"] == metrics["epochs"] + 3


def test_last_is_of_the_session_that_began_last(train: Train, monkeypatch, capsys) -> None:
    train("--trainer.max_epochs=3")
    with stop_at(monkeypatch, 25):
        main(["--ckpt_path=checkpoints/version_0/previous.ckpt", "--model.optimizer.lr=0.0001"])
    main(["--ckpt_path=last"])
    assert "continuing checkpoints/version_0/last.ckpt at step 26" in capsys.readouterr().err


def test_checkpoint_calls_no_other_code(finished: Train, capsys) -> None:
    finished("--trainer.max_epochs=1")
    content = read_checkpoint("checkpoints/version_0/last.ckpt")
    config = yaml.safe_load(content["config"])
    evil = {"root": "subprocess.getoutput", "concrete_args": {"cmd": "touch executed"}}
    network = {"class_path": "torch.fx.symbolic_trace", "init_args": evil}
    config["model"]["init_args"]["network"] = network
    torch.save({**content, "config": yaml.safe_dump(config)}, "evil.ckpt")
    for command in (lambda: main(["--ckpt_path=evil.ckpt"]), lambda: reproduce(["evil.ckpt"])):
        code, line = refusal_of(capsys, command)
        assert (code, "torch.fx.symbolic_trace, which is not on the list" in line) == (2, True)
    assert not Path("executed").exists()


def test_stale_state_of_a_cluster_is_not_taken(train: Train, finished: Train, monkeypatch) -> None:
    finished("--trainer.max_epochs=1")
    Path("checkpoints/version_0/last.ckpt").rename("hpc_ckpt_9.ckpt")
    for name, value in {"NTASKS": "1", "JOB_ID": "1", "PROCID": "0", "LOCALID": "0"}.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    monkeypatch.setenv("SLURM_JOB_NAME", "job")
    monkeypatch.setenv("SLURM_NODEID", "0")
    metrics = train("--trainer.max_epochs=1", "--trainer.devices=1")
    assert state(1) == {part: digest(read_checkpoint("hpc_ckpt_9.ckpt")[part]) for part in EXACT}
    assert metrics["steps"] == 11


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_full_disk_ends_the_run_and_loses_nothing(
    finished: Train, monkeypatch, capsys, where
) -> None:
    finished("--trainer.max_epochs=1")
    before = state()

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(*(os, "fsync") if where == "fsync" else (Path, "replace"), full)
        code, line = refusal(capsys, "--ckpt_path=last", "--trainer.max_epochs=2")
    assert (code, "No space left on device" in line) == (1, True)
    assert state() == before


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_stopped_run_is_exact_on_a_gpu(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = "--trainer.accelerator=gpu", "--trainer.devices=1", "--trainer.deterministic=true"
    args = [*NOISY[:1], "--trainer.max_epochs=3", *gpu]
    train(*args)
    with stop_at(monkeypatch, 14):
        train(*args)
    main(["--ckpt_path=last"])
    assert state(1) == state(0)


@pytest.mark.slow
def test_plain_loader_with_workers_is_exact(train: Train, monkeypatch, capsys) -> None:
    args = ["--data=tests.plain_mnist.PlainMNIST", "--trainer.max_epochs=2", *NOISY[:1]]
    train(*args)
    for step, words in [(5, args), (10, []), (14, [])]:
        with stop_at(monkeypatch, step):
            train(*words) if words else main(["--ckpt_path=last"])
    main(["--ckpt_path=last"])
    assert state(1) == state(0)
    assert curves(1) == curves(0)
    assert "another order" not in capsys.readouterr().err
