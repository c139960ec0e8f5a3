"""The command that serves the page, on synthetic MNIST."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from src.demo import main
from src.deployment.demo_server import DemoServer
from tests.conftest import Train

ROOT = Path(__file__).parents[1]


def test_command_serves_until_interrupt(finished: Train, monkeypatch, capsys) -> None:
    def interrupt(server: DemoServer) -> None:
        raise KeyboardInterrupt

    finished("--trainer.max_epochs=1")
    monkeypatch.setattr(DemoServer, "serve_forever", interrupt)
    capsys.readouterr()
    main(["last", "--port", "0"])
    said = capsys.readouterr()
    assert said.out.startswith("demo  http://127.0.0.1:")
    assert "not calibrated" in said.err


def test_used_port_is_one_line(finished: Train, capsys) -> None:
    finished("--trainer.max_epochs=1")
    capsys.readouterr()
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(SystemExit) as stop:
        main(["last", "--port", str(other.getsockname()[1])])
    assert stop.value.code == 2
    assert "is in use: give another" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_impossible_port_is_one_line(port: str, capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["last", f"--port={port}"])
    assert stop.value.code == 2
    assert "must be 0 to 65535" in capsys.readouterr().err


def heard() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
def test_process_ends_quietly(finished: Train) -> None:
    finished("--trainer.max_epochs=1")
    command = [sys.executable, "-m", "src.demo", "last", "--port=0"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    options["preexec_fn"] = heard  # a shell lets jobs in the background ignore Ctrl-C
    process = subprocess.Popen(command, env=environment, **options)
    try:
        url = process.stdout.readline().split()[1]
        with urllib.request.urlopen(url) as page:
            assert b"Draw a digit" in page.read()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert "Traceback" not in errors
