"""What the machine has, and how several processes share it."""

import os
import shutil
import subprocess


def _gpus() -> list[str]:
    """List the NVIDIA GPUs that a process may use, without loading CUDA."""
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
        return max(1, len(_gpus()))
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
    if found := _gpus():
        environment["CUDA_VISIBLE_DEVICES"] = found[slot % len(found)]
    return environment
