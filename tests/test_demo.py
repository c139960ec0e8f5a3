"""The command that serves the page, on synthetic MNIST."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest
from torch import nn

from src.data import MNISTDataModule
from src.demo import _parser, _server, main
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


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """Stand in for a trained network."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 2))
    trained = SimpleNamespace(
        path=tmp_path / "version_3" / "best.ckpt",
        network=network,
        data=type("CatsDataModule", (), {})(),
        temperature=None,
        checkpoint={"global_step": 1234},
        published={"from_picture": MNISTDataModule.from_picture, "class_names": "ab"}.get,
        classifier_parts=lambda: {"network": network, "mean": 0.0, "std": 1.0},
    )
    monkeypatch.setattr("src.engine.checkpoints.trained.Trained.load", lambda *words: trained)
    whole = "src.evaluation.classification.trained_classifier.TrainedClassifier.of"
    monkeypatch.setattr(whole, lambda loaded, verb: loaded)
    return trained


@pytest.mark.parametrize("temperature", [None, 1.5])
def test_page_tells_what_was_trained(trained: SimpleNamespace, temperature: float | None) -> None:
    trained.temperature = temperature
    with _server(_parser().parse_args(["last", "--port=0"])) as server:
        page = server.page.decode()
    state = "calibrated" if temperature else "not calibrated"
    about = "Sequential with 1,570 parameters, version_3/best.ckpt, step 1,234; probabilities are"
    assert f"{about} {state}" in page
    assert "<title>Cats" in page
    assert not server.recognise.classifier.training


def test_several_that_touch_are_told(trained: SimpleNamespace, monkeypatch) -> None:
    trained.data.one_from_picture = lambda picture: "parts"
    monkeypatch.setattr("src.deployment.numbers.chosen", lambda _, parts, angles: [*parts][:3])
    several = pytest.raises(ValueError, match=r"^more than one digit \(3 found\)$")
    with _server(_parser().parse_args(["last", "--port=0"])) as server, several:
        server.recognise.from_picture(None)


@pytest.mark.parametrize(("handwritten", "task"), [(True, "Draw a"), (False, "Show a")])
def test_only_what_a_hand_can_draw_is_drawn(trained, handwritten: bool, task: str) -> None:
    trained.data.handwritten = handwritten
    with _server(_parser().parse_args(["last", "--port=0"])) as server:
        assert f"<h1>{task} picture" in server.page.decode()


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_page_for_others_is_noted(trained, monkeypatch, capsys, host: str) -> None:
    monkeypatch.setattr(DemoServer, "serve_forever", lambda server: None)
    main(["last", "--port=0", f"--host={host}"])
    said = capsys.readouterr()
    note = f"note: anyone who can reach {host} can use the page; 127.0.0.1 is private\n"
    assert said.err == note * (host == "0.0.0.0")
    assert re.fullmatch(rf"demo  http://{host}:\d+  \(Ctrl-C ends it\)\n", said.out)


def test_words_have_defaults() -> None:
    given = _parser().parse_args(["last"])
    assert (given.host, given.port, given.ckpt) == ("127.0.0.1", 8000, "last")
    assert [_parser().parse_args(["x", f"--port={n}"]).port for n in (0, 65535)] == [0, 65535]
