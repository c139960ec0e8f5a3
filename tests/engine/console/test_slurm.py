import os
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from src.engine.console import slurm
from src.engine.console.slurm import requeue, runs_again

RUNS = {"JobState": "RUNNING", "Requeue": "1", "Restarts": "0", "BatchFlag": "1"}
PREEMPTED = {**RUNS, "JobState": "SIGNALING", "PreemptTime": "2026-01-01T00:00:00"}
AGAIN = "SLURM runs job 7 again, which continues"


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scontrol that writes down its words, and tells of a job what is in `job`."""
    program = tmp_path / "bin" / "scontrol"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\necho $* >> {tmp_path}/asked\n[ $1 = requeue ] || cat {tmp_path}/job\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    return tmp_path / "asked"


def after(signum: int, asked: Path, **job: str) -> str:
    fields = [f"{name}={value}" for name, value in job.items()]
    (asked.parent / "job").write_text("JobId=7 JobName=a b\n   " + " ".join(fields) + "\n")
    return requeue(signum)


@pytest.mark.parametrize(
    ("signum", "job"), [(signal.SIGUSR1, RUNS), (signal.SIGTERM, PREEMPTED)], ids=["time", "place"]
)
def test_job_that_has_to_make_way_is_requeued(signum: int, job: dict, asked: Path) -> None:
    assert after(signum, asked, **job) == AGAIN
    assert asked.read_text() == "show job 7\nrequeue 7\n"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN


@pytest.mark.parametrize(
    ("signum", "job"),
    [
        (signal.SIGTERM, {**RUNS, "JobState": "COMPLETING", "PreemptTime": "None"}),  # scancel
        (signal.SIGUSR1, {**RUNS, "Requeue": "0"}),
        (signal.SIGUSR1, {**RUNS, "BatchFlag": "0"}),  # a job of salloc
        (signal.SIGUSR1, {}),
    ],
)
def test_job_that_ends_is_left_alone(signum: int, job: dict, asked: Path) -> None:
    assert after(signum, asked, **job) == ""
    assert asked.read_text() == "show job 7\n"


def test_job_that_slurm_has_requeued_is_told_so(asked: Path, monkeypatch) -> None:
    again = {**RUNS, "JobState": "COMPLETING", "Restarts": "2"}
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert after(signal.SIGTERM, asked, **again) == AGAIN
    monkeypatch.setenv("SLURM_RESTART_COUNT", "2")
    assert after(signal.SIGTERM, asked, **again) == ""
    assert "requeue" not in asked.read_text()


def test_refusal_of_slurm_is_passed_on(asked: Path) -> None:
    scontrol = asked.parent / "bin" / "scontrol"
    scontrol.write_text(f'{scontrol.read_text()}[ $1 != requeue ] || echo "not now" >&2\n')
    assert after(signal.SIGUSR1, asked, **RUNS) == "job 7 could not be requeued: not now"


def test_ctrl_c_ends_a_job(asked: Path) -> None:
    assert after(signal.SIGINT, asked, **RUNS) == ""
    assert not asked.exists()


def test_process_outside_of_a_job_asks_nothing(asked: Path, monkeypatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID")
    assert after(signal.SIGUSR1, asked, **RUNS) == ""
    assert not asked.exists()


def test_only_a_restarted_job_runs_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert not runs_again()
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert runs_again()


def test_thread_that_ends_the_process_requeues_it_too(asked: Path) -> None:
    said: list[str] = []
    thread = Thread(target=lambda: said.append(after(signal.SIGUSR1, asked, **RUNS)))
    thread.start()
    thread.join()
    assert said == [AGAIN]


def test_silent_slurm_holds_nobody(asked: Path, monkeypatch) -> None:
    monkeypatch.setattr(slurm, "_PATIENCE_S", 0.1)
    scontrol = asked.parent / "bin" / "scontrol"
    scontrol.write_text("#!/bin/sh\nexec sleep 20\n")
    assert after(signal.SIGUSR1, asked, **RUNS) == ""
