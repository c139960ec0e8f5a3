"""The job of SLURM that this process belongs to: whether it runs once more, and is to continue."""

import os
import re
import signal
import subprocess
import threading

JOB = "SLURM_JOB_ID"
_PATIENCE_S = 10  # for SLURM's own server, before this process must have ended


def runs_again() -> bool:
    """Tell whether SLURM runs the job of this process once more."""
    return JOB in os.environ and _restarts() > 0


def requeue(signum: int) -> str:
    """Have SLURM run the job of this process once more, if a signal means that.

    SIGUSR1 does (`sbatch --signal`), and SIGTERM to a job that is preempted; SIGTERM by the user's
    `scancel` does not.

    Args:
        signum: Number of the signal that has stopped this process.

    Returns:
        What becomes of the job; empty if nothing does.
    """
    job = os.environ.get(JOB)
    if job is None or signum == signal.SIGINT:
        return ""
    about = dict(re.findall(r"(\w+)=(\S*)", _scontrol("show", "job", job)))
    again = f"SLURM runs job {job} again, which continues"
    if int(about.get("Restarts", "0")) > _restarts():  # it has done so before it sent the signal
        return again
    preempted = about.get("PreemptTime", "None") not in ("None", "N/A")
    repeatable = (about.get("BatchFlag"), about.get("Requeue")) == ("1", "1")
    ends = about.get("JobState") in ("COMPLETING", "CANCELLED")
    if ends or not repeatable or (signum == signal.SIGTERM and not preempted):
        return ""
    if threading.current_thread() is threading.main_thread():  # elsewhere the process ends at once
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # SLURM sends it to what is left of the job
    failed = _scontrol("requeue", job)
    return f"job {job} could not be requeued: {' '.join(failed.split())}" if failed else again


def _restarts() -> int:
    return int(os.environ.get("SLURM_RESTART_COUNT", "0"))


def _scontrol(*words: str) -> str:
    """Give what `scontrol` says, also of a failure."""
    try:
        done = subprocess.run(
            ["scontrol", *words], capture_output=True, text=True, check=False, timeout=_PATIENCE_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stdout + done.stderr
