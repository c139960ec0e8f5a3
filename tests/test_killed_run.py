"""Whole processes, killed at random moments, by `kill -9` and by signals that can be heard."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.at_once import Fork
from tests.conftest import Train
from tests.slurm import free_port
from tests.test_exact_resume import NOISY, curves, state

ROOT = Path(__file__).parents[1]
TINY = [
    "--data=tests.tiny_mnist.TinyMNIST",
    "--data.batch_size=10",
    "--trainer.callbacks=null",
    "--trainer.enable_progress_bar=false",
    "--trainer.log_every_n_steps=5",
    "--last.every_n_steps=3",
]
TWO = ["--trainer.accelerator=cpu", "--trainer.devices=2", "--trainer.strategy=ddp"]


def start(*args: str) -> subprocess.Popen[str]:
    """Start the command as a user does, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "src.train", *args],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(*args: str, begin: Callable = Fork) -> str:
    process = begin(*args)
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 0, output
    return output


def wait_for_training(process: "subprocess.Popen[str] | Fork", run: int) -> bool:
    """Wait until this process has saved a state; False if it has ended."""
    last = Path(f"checkpoints/version_{run}/last.ckpt")
    before = saved_at(last)
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if saved_at(last) > before:
            return True
        time.sleep(0.01)
    return False


def saved_at(last: Path) -> int:
    """When the file was written [ns]; 0 before there is one, or while it becomes the previous."""
    try:
        return last.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def kill_often(
    times: int,
    seed: int,
    *args: str,
    begin: Callable = Fork,
    run: int = 1,
    signum: int = signal.SIGKILL,
) -> None:
    """Run to the end in spite of `kill -9`, or a signal that can be heard, at random moments.

    Run 0 is one like it that was not stopped: its time says when this one is not yet at its end.
    """
    fit_s = json.loads(Path("lightning_logs/version_0/metrics.json").read_text())["fit_s"]
    chance, words = random.Random(seed), args
    for _ in range(times):
        process = begin(*words)
        assert wait_for_training(process, run)
        time.sleep(chance.uniform(0, fit_s / (times + 3)))
        os.killpg(process.pid, signum)
        output, _ = process.communicate(timeout=180)
        assert process.returncode in (-signal.SIGKILL, 128 + signum), output
        words = ("--ckpt_path=last",)
    finish(*words, begin=begin)


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    ("options", "times"),
    [([], 8), (["--data.num_workers=2"], 6), (TWO, 6)],
    ids=["one process", "two workers", "two processes"],
)
def test_killed_run_ends_like_one_never_killed(
    train: Train, options: list[str], times: int
) -> None:
    args = [*TINY, *NOISY, *options, "--trainer.max_epochs=40"]
    finish(*args)
    kill_often(times, len(options), *args)
    assert state(1) == state(0)
    assert curves(1) == curves(0)
    assert {file.name for file in Path("checkpoints/version_1").iterdir()} == {
        "best.ckpt",
        "last.ckpt",
        "previous.ckpt",
        "model.pt",
    }


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("options", [[], TWO], ids=["one process", "two processes"])
@pytest.mark.parametrize("group", [False, True], ids=["to one", "to all"])
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_signal_stops_the_run_between_two_batches(
    train: Train, options: list[str], group: bool, signum: int
) -> None:
    begin = start if group and signum == signal.SIGINT else Fork  # Ctrl-C, as a user knows it
    process = begin(*TINY, *NOISY, *options, "--trainer.max_epochs=100000")
    assert wait_for_training(process, run=0)
    (os.killpg if group else os.kill)(process.pid, signum)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + signum, output
    assert output.count(f"stopped by {signal.Signals(signum).name}") == 1
    assert "python -m src.train --ckpt_path checkpoints/version_0" in output
    assert "Traceback" not in output
    assert "test accuracy" not in output


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
def test_second_signal_stops_at_once(train: Train) -> None:
    slow = "--model.network=tests.test_killed_run.Sleeping"
    process = Fork(*TINY, slow, "--trainer.max_epochs=100000", "--last.every_n_minutes=0")
    deadline = time.monotonic() + 120
    while not Path("step_began").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    for _ in range(2):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
    began = time.monotonic()
    process.communicate(timeout=20)
    assert process.returncode == -signal.SIGTERM
    assert time.monotonic() - began < 5


class Sleeping(torch.nn.Module):
    """A network whose step takes a minute."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(784, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        if self.training:
            Path("step_began").touch()
            time.sleep(60)
        return self.layer(image.flatten(1))


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
def test_processes_share_the_order_of_one(train: Train) -> None:
    finish(*TINY, "--data.batch_size=20", "--trainer.max_epochs=1")
    finish(*TINY, *TWO, "--trainer.max_epochs=1", begin=start)
    alone, shared = curves(0)["train/loss"], curves(1)["train/loss"]
    assert [step for step, _ in alone] == [step for step, _ in shared]
    assert [value for _, value in alone] == pytest.approx([value for _, value in shared], rel=1e-4)


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
@pytest.mark.skipif(shutil.which("mount") is None or os.geteuid() != 0, reason="needs to mount")
def test_full_disk_loses_nothing(train: Train, tmp_path: Path) -> None:
    Path("runs").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=17m", "tmpfs", "runs"]
    if subprocess.run(mount, check=False).returncode:
        pytest.skip("may not mount")
    try:
        process = Fork(*TINY, "--trainer.max_epochs=9", "--trainer.default_root_dir=runs")
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 1, output
        assert "No space left on device" in output
        assert "Traceback" not in output
        found = list(Path("runs/checkpoints/version_0").glob("*.ckpt"))
        assert found
        assert all(torch.load(path, weights_only=True)["global_step"] for path in found)
    finally:
        subprocess.run(["umount", "runs"], check=True)


@pytest.mark.slow
def test_signal_is_heard_while_a_machine_waits_for_another(train: Train, monkeypatch) -> None:
    port = str(free_port())
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "NODE_RANK": "0"}
    for name, value in address.items():
        monkeypatch.setenv(name, value)
    process = start(*TINY, *TWO[:1], "--trainer.devices=1", "--trainer.num_nodes=2")
    assert process.stdout
    while "Initializing distributed" not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(1)
    process.terminate()
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 143
    assert output == "\nstopped by SIGTERM\n"
