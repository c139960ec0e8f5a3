"""What the machine has, and how several processes share it."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

if sys.platform != "win32":
    import resource


def gpus() -> list[str]:
    """List the NVIDIA GPUs that a process may use, without loading CUDA.

    Returns:
        Their numbers or names, as `CUDA_VISIBLE_DEVICES` takes them.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    if shutil.which("nvidia-smi") is None:
        return []
    done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    count = sum(line.startswith("GPU ") for line in done.stdout.splitlines())
    return [str(number) for number in range(count)]


def processors() -> int:
    """Count the processors that this process may use.

    Returns:
        Their number.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_jobs(text: str | None) -> int:
    """Read how many processes there shall be at once.

    Args:
        text: What the user wrote, or None for one on each GPU, and one where there is none.

    Returns:
        Their number.

    Raises:
        ValueError: It is not a number above 0.
    """
    if text is None:
        return max(1, len(gpus()))
    if not text.isdigit() or int(text) < 1:
        raise ValueError(f"--jobs must be a number above 0, got {text!r}")
    return int(text)


def share(slot: int, jobs: int) -> dict[str, str]:
    """Give one of several processes its part of the machine.

    Args:
        slot: Its place among them, in `[0, jobs)`.
        jobs: How many there are at once.

    Returns:
        Environment variables: threads, where there are several processes and the user has not
        chosen, and one GPU, whatever the number of processes, so that a run goes on as it began.
    """
    environment = {}
    if jobs > 1 and "OMP_NUM_THREADS" not in os.environ:
        environment["OMP_NUM_THREADS"] = str(max(1, processors() // jobs))
    if found := gpus():
        environment["CUDA_VISIBLE_DEVICES"] = found[slot % len(found)]
    return environment


@contextmanager
def memory_limit(spare: int) -> Iterator[None]:
    """Let this process take only so much more memory, where the system can tell and limit it.

    Args:
        spare: Memory that it may take [byte].

    Yields:
        Nothing.

    Raises:
        MemoryError: It asked for more.
    """
    statm = Path("/proc/self/statm")
    if not statm.is_file():
        yield
        return
    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = int(statm.read_text().split()[0]) * resource.getpagesize() + spare
    limits = [value for value in (limit, before, hard) if value != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Let a piece of work take only so long, where the system has an alarm.

    Args:
        seconds: Time that it may take [s].

    Yields:
        Nothing.

    Raises:
        TimeoutError: It took longer.
    """

    def stop(_: int, __: FrameType | None) -> None:
        raise TimeoutError(f"it took over {seconds:g} s")

    alarms = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not alarms:
        yield
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
