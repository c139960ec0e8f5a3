"""A SLURM of one machine, that lives as long as a test."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

PROGRAMS = ("slurmctld", "slurmd", "munged", "mungekey", "srun", "sbatch", "scancel", "scontrol")
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={next_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
KillWait=60
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SchedulerParameters=batch_sched_delay=1,sched_interval=2,requeue_delay=1
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=1000 State=UNKNOWN
PartitionName=low Nodes={host} Default=YES MaxTime=30 PriorityTier=1 GraceTime=60
PartitionName=high Nodes={host} MaxTime=30 PriorityTier=10 PreemptMode=OFF
"""


def missing() -> str:
    """Say what there must be for a SLURM; empty if all is there."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"needs {', '.join(absent)} in PATH (packages slurm-wlm and munge)"
    return "" if os.geteuid() == 0 else "needs root"


@contextmanager
def running(folder: Path) -> Iterator[dict[str, str]]:
    """Start the servers, their files in a folder; yields the environment of their users."""
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)
    host = socket.gethostname().partition(".")[0]
    ports = {"port": free_port(), "next_port": free_port()}
    settings = CONFIGURATION.format(host=host, folder=folder, **ports)
    (folder / "slurm.conf").write_text(settings)
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    key = folder / "munge.key"
    subprocess.run(["mungekey", "--create", f"--keyfile={key}"], check=True)
    files = [f"--{name}-file={folder / name}" for name in ("pid", "log", "seed")]
    socket_of = f"--socket={folder / 'munge.socket'}"
    with ExitStack() as stack:
        for command in (
            ["munged", "-F", "--force", f"--key-file={key}", socket_of, *files],
            ["slurmctld", "-D", "-c"],
            ["slurmd", "-D"],
        ):
            stack.enter_context(server(command, environment))
            time.sleep(1)
        wait(lambda: "State=IDLE" in said(environment, "scontrol", "show", "node"), 60)
        yield environment


@contextmanager
def server(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env=environment, **silent)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def said(environment: dict[str, str], *command: str) -> str:
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout


def about(environment: dict[str, str], job: str) -> dict[str, str]:
    """Give what SLURM knows of a job."""
    return dict(re.findall(r"(\w+)=(\S*)", said(environment, "scontrol", "show", "job", job)))


def wait(until: Callable[[], object], seconds: float = 150) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.1)
