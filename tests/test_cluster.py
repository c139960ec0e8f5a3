"""Runs of several machines, and of a real SLURM, which the tests start themselves."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests import slurm
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
    length = "--trainer.max_epochs=300"
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
