import os
import signal
import subprocess
import sys
import time

import pytest

from src.experiment.orphan import PARENT, stop_without_parent

CODE = """
import os, signal, sys, time
from src.experiment.orphan import stop_without_parent
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
