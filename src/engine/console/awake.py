"""A signal is heard while the process waits inside of a library, such as for other processes."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_GRACE_S = 1.0  # in which Python, if it runs, calls the handler itself


@contextmanager
def awake(handler: Callable[[int, None], object]) -> Iterator[None]:
    """Let a thread call a handler of signals where Python cannot, for it waits for other code.

    Args:
        handler: Ends the process; only the signals that it is set for are passed on.

    Yields:
        Nothing.
    """
    if sys.platform == "win32":  # where Python 3.11 has no such pipes
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    watch = threading.Thread(target=_watch, args=[reading, handler], daemon=True)
    watch.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writing)  # ends the thread


def _watch(reading: int, handler: Callable[[int, None], object]) -> None:
    while told := os.read(reading, 1):
        time.sleep(_GRACE_S)
        if signal.getsignal(told[0]) == handler:
            handler(told[0], None)
    os.close(reading)
