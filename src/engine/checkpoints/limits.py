"""How much memory and time a piece of work may take."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

if sys.platform != "win32":
    import resource


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
