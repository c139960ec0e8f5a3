import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace as Fake

import pytest

from src.engine.jobs.orphan import PARENT, _watch, stop_without_parent

CODE = """
import os, signal, sys, time
from src.engine.jobs.orphan import stop_without_parent
signal.signal(signal.SIGTERM, lambda *_: (print("told", flush=True), sys.exit(0)))
stop_without_parent()
print(os.getpid(), os.environ.get("STOP_WITHOUT_PROCESS"), flush=True)
time.sleep(30)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="processes there have no such parent")
def test_process_stops_when_its_parent_is_gone() -> None:
    middle = (
        "import os, subprocess, sys, time\n"
        f"os.environ[{PARENT!r}] = str(os.getpid())\n"
        f"subprocess.Popen([sys.executable, '-c', {CODE!r}])\n"
        "time.sleep(30)"
    )
    parent = subprocess.Popen([sys.executable, "-c", middle], stdout=subprocess.PIPE, text=True)
    _, handed_on = parent.stdout.readline().split()
    assert handed_on == "None"  # its own children are not asked
    os.kill(parent.pid, signal.SIGKILL)
    began = time.monotonic()
    assert parent.stdout.readline() == "told\n"
    assert time.monotonic() - began < 25
    parent.wait()
    parent.stdout.close()


def test_process_that_is_not_asked_is_left_alone(monkeypatch) -> None:
    monkeypatch.delenv(PARENT, raising=False)
    stop_without_parent()


def test_process_watches_who_started_it(monkeypatch) -> None:
    parents, ended, waited = [7, 7, 1], [], []
    monkeypatch.setattr("os.getppid", lambda: parents.pop(0))
    monkeypatch.setattr("os.kill", lambda *words: ended.append(words))
    monkeypatch.setattr("src.engine.jobs.orphan.time.sleep", waited.append)
    _watch(7)
    assert (ended, waited) == ([(os.getpid(), signal.SIGTERM)], [0.5, 0.5])


@pytest.mark.skipif(sys.platform == "win32", reason="processes there have no such parent")
def test_process_that_is_asked_watches_beside_its_work(monkeypatch) -> None:
    made = []
    start = Fake(start=lambda: made.append("started"))
    monkeypatch.setattr(
        "src.engine.jobs.orphan.threading.Thread", lambda **words: made.append(words) or start
    )
    monkeypatch.setenv(PARENT, "77")
    stop_without_parent()
    stop_without_parent()  # asked no longer
    assert made == [{"target": _watch, "args": [77], "daemon": True}, "started"]
