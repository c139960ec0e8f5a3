"""A process that does not outlive the one that started it."""

import os
import signal
import sys
import threading
import time

PARENT = "STOP_WITHOUT_PROCESS"  # environment variable: number of the process to watch
_EVERY_S = 0.5


def stop_without_parent() -> None:
    """Let this process stop, with its state saved, once the one that started it is gone.

    It does so if that one asked for it, by `PARENT` in the environment; processes that this one
    starts are not asked.
    """
    parent = os.environ.pop(PARENT, None)
    if parent is not None and sys.platform != "win32":  # where a process keeps a dead parent
        threading.Thread(target=_watch, args=[int(parent)], daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_EVERY_S)
    os.kill(os.getpid(), signal.SIGTERM)
