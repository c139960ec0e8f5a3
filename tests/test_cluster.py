"""Runs of several machines, and of a real SLURM, which the tests start themselves."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests import slurm, two_machines
from tests.tiny_mnist import write_files

ROOT = Path(__file__).parents[1]
TINY = [
    *("--data=tests.tiny_mnist.TinyMNIST", "--data.batch_size=10", "--trainer.callbacks=null"),
    *("--model.network=tests.one_layer.OneLayer", "--trainer.enable_model_summary=false"),
    *("--trainer.enable_progress_bar=false", "--last.every_n_steps=20", "--seed_everything=3"),
    *("--trainer.accelerator=cpu", "--trainer.devices=2"),
]
LAST = Path("checkpoints/version_0/last.ckpt")

pytestmark = pytest.mark.cluster


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in, with the data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    write_files(tmp_path / "data" / "MNIST" / "raw")
    return tmp_path


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Environment of the users of a SLURM of one machine."""
    if why := slurm.missing():
        pytest.skip(why)
    with slurm.running(tmp_path_factory.mktemp("slurm")) as environment:
        yield environment


@pytest.fixture
def job(cluster: dict[str, str], folder: Path) -> "Job":
    """The job of docs/cluster.md."""
    page = (ROOT / "docs" / "cluster.md").read_text()
    (script,) = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    (folder / "train.sh").write_text(script)
    own = ("PYTHONPATH", "OMP_NUM_THREADS", "PATH", "XDG_STATE_HOME", "XDG_CACHE_HOME")
    return Job({**cluster, **{name: os.environ[name] for name in own}})


class Job:
    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.number = ""

    def submit(self, *words: str) -> None:
        options = ["--parsable", "--time=20", "--output=out.txt", "train.sh"]
        self.number = self.run("sbatch", *options, *TINY, *words).strip()
        slurm.wait(LAST.exists)

    def run(self, *command: str) -> str:
        return slurm.said(self.environment, *command)

    def await_(self, **expected: str) -> None:
        def found() -> bool:
            return expected.items() <= slurm.about(self.environment, self.number).items()

        slurm.wait(found)

    def await_progress(self) -> None:
        before = LAST.stat().st_mtime_ns
        slurm.wait(lambda: LAST.exists() and LAST.stat().st_mtime_ns > before)


def weights(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)["state_dict"]


def test_job_continues_after_its_time_and_after_preemption(job: Job) -> None:
    length = "--trainer.max_epochs=60"
    job.submit(length)
    job.run("scancel", "--signal=USR1", job.number)  # as --signal does before the time ends
    job.await_(Restarts="1", JobState="RUNNING")
    job.await_progress()
    job.run("sbatch", "--partition=high", "--ntasks=2", "--output=high.txt", "--wrap=true")
    job.await_(Restarts="2")
    job.await_(JobState="COMPLETED", ExitCode="0:0")
    said = Path("out.txt").read_text()
    again = f"SLURM runs job {job.number} again, which continues"
    assert f"stopped by SIGUSR1; {again}" in said
    assert f"stopped by SIGTERM; {again}" in said
    assert said.count("note: continuing checkpoints/version_0/last.ckpt") == 2
    assert "auto-requeue" not in said
    assert "does not continue exactly" not in said
    command = [sys.executable, "-m", "src.train", *TINY, length, "--trainer.default_root_dir=whole"]
    subprocess.run(command, check=True, capture_output=True)
    torch.testing.assert_close(weights(LAST), weights("whole" / LAST), rtol=0, atol=0)


def test_job_that_the_user_cancels_ends_with_its_state(job: Job) -> None:
    job.submit("--trainer.max_epochs=2000")
    job.run("scancel", job.number)
    job.await_(JobState="CANCELLED")
    slurm.wait(lambda: "stopped by" in Path("out.txt").read_text())
    said = Path("out.txt").read_text()
    assert "stopped by SIGTERM; continue with\nsrun --nodes=1 --ntasks-per-node=2 python" in said
    assert slurm.about(job.environment, job.number)["Restarts"] == "0"
    assert LAST.exists()


@pytest.fixture
def machines(folder: Path) -> Iterator["Machines"]:
    """Two machines, each with a folder that the other does not see."""
    if why := two_machines.missing():
        pytest.skip(why)
    names = [f"m{os.getpid()}{side}" for side in "ab"]
    for name in names:
        write_files(folder / name / "data" / "MNIST" / "raw")
    with (
        two_machines.machine(names[0]),
        two_machines.machine(names[1]),
        two_machines.cable(*names),
    ):
        yield Machines(folder, names)


class Machines:
    def __init__(self, folder: Path, names: list[str]) -> None:
        self.folders = [folder / name for name in names]
        self.names = names

    def start(self, *words: str) -> list[subprocess.Popen[str]]:
        others = reversed(self.folders)
        places = zip(self.names, range(2), self.folders, others, strict=True)
        return [two_machines.start(*place, *words) for place in places]

    def run(self, *words: str) -> list[str]:
        started = self.start(*words)
        said = [process.communicate(timeout=150)[0] for process in started]
        assert [process.returncode for process in started] == [0, 0], said
        return said


ONE_EACH = [*TINY[:-1], "--trainer.devices=1", "--trainer.num_nodes=2"]


def test_machines_without_a_common_folder_stop_continue_and_test(machines: Machines) -> None:
    own, other = machines.folders
    length = "--trainer.max_epochs=40"
    started = machines.start(*ONE_EACH, length)
    slurm.wait((own / LAST).exists)
    started[0].terminate()
    said = [process.communicate(timeout=150)[0] for process in started]
    assert "stopped by SIGTERM; continue on each machine as it was started (" in said[0]
    assert not (other / "checkpoints").exists()
    (printed,) = re.findall(
        r"^torchrun .*--rdzv-conf is_host=1 .* -m src.train (.*)", said[0], re.M
    )
    shutil.copytree(own / "checkpoints", other / "checkpoints")
    assert len([*other.rglob("*.ckpt")]) > 1
    (other / LAST).unlink()  # an older state is enough to begin with
    first, second = machines.run(*shlex.split(printed))
    assert "test accuracy" in first
    assert "test accuracy" not in second
    machines.run(*ONE_EACH, length, "--trainer.default_root_dir=whole")
    torch.testing.assert_close(weights(own / LAST), weights(own / "whole" / LAST), rtol=0, atol=0)


def test_lost_machine_is_told_by_the_other(machines: Machines) -> None:
    own, _ = machines.folders
    first, second = machines.start(*ONE_EACH, "--trainer.max_epochs=2000")
    slurm.wait((own / LAST).exists)
    (worker,) = Path(f"/proc/{second.pid}/task/{second.pid}/children").read_text().split()
    os.kill(int(worker), signal.SIGKILL)
    said = first.communicate(timeout=150)[0]
    second.communicate(timeout=150)
    lost = rf"error: another process of this run on {two_machines.ADDRESSES[1]} has ended, or the "
    assert re.search(lost, said)
    assert "continue on each machine as it was started (" in said
