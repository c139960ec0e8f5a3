import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from src.engine.console.awake import awake

ROOT = Path(__file__).parents[3]
WAITS = """
import ctypes, os, signal
from src.engine.console.awake import awake
def stop(signum, _):
    os._exit(100 + signum)
signal.signal(signal.SIGTERM, stop)
with awake(stop):
    print("waits", flush=True)
    c, lock = ctypes.CDLL(None), ctypes.create_string_buffer(64)
    c.pthread_mutex_lock(lock)
    c.pthread_mutex_lock(lock)  # for ever, as no other thread has it
"""


@pytest.mark.skipif(sys.platform != "linux", reason="calls the C library of Linux")
def test_signal_is_heard_while_a_library_waits() -> None:
    command = [sys.executable, "-c", WAITS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as waits:
        assert waits.stdout
        waits.stdout.readline()
        time.sleep(0.2)
        waits.send_signal(signal.SIGTERM)
        try:
            assert waits.wait(20) == 100 + signal.SIGTERM
        finally:
            waits.kill()


def test_other_handlers_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.engine.console.awake._GRACE_S", 0.01)
    heard: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    threads = threading.active_count()
    with awake(lambda signum, _: heard.append(signum)):
        signal.raise_signal(signal.SIGUSR1)
        time.sleep(0.1)
    signal.signal(signal.SIGUSR1, before)
    time.sleep(0.1)
    assert heard == []
    assert threading.active_count() <= threads
    assert signal.set_wakeup_fd(-1) == -1
