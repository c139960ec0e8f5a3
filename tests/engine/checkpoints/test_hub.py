"""A hub of our own on this machine, which answers as Hugging Face's does."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest
import torch
from safetensors.torch import load, save

from src.engine.checkpoints import hub
from src.engine.checkpoints.hub import fetch
from src.engine.checkpoints.weights import load_weights
from src.models import CNN
from src.tasks import ClassificationTask

constants = pytest.importorskip("huggingface_hub.constants")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONTENT = save({name: value.contiguous() for name, value in CNN(width=4).state_dict().items()})


class Hub(BaseHTTPRequestHandler):
    """Answers with weights, or says by an error's code why it does not."""

    errors: ClassVar = {
        "/me/none/": (404, "RepoNotFound"),
        "/me/closed/": (403, "GatedRepo"),
        "/me/torch/": (404, "EntryNotFound"),
        "/me/net/resolve/old/": (404, "RevisionNotFound"),
    }

    def do_HEAD(self) -> None:
        error = next(
            (said for path, said in self.errors.items() if self.path.startswith(path)), None
        )
        self.send_response(error[0] if error else 200)
        headers = {"X-Error-Code": error[1]} if error else {"ETag": '"e"', "X-Repo-Commit": COMMIT}
        for name, value in {**headers, "Content-Length": 0 if error else len(CONTENT)}.items():
            self.send_header(name, str(value))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(CONTENT)

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path, monkeypatch) -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(constants, "ENDPOINT", address)
        template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.chdir(tmp_path)
        yield server
        server.shutdown()


def test_run_begins_with_weights_of_the_hub(served, capsys) -> None:
    task = ClassificationTask(CNN(width=4))
    known = load_weights(task, "hub:me/net")
    assert known.startswith(f"hub:me/net@{COMMIT} ")
    assert f"10 of 10 tensors begin as in hub:me/net@{COMMIT}\n" in capsys.readouterr().err
    assert all(torch.equal(task.network.state_dict()[k], v) for k, v in load(CONTENT).items())


def test_what_was_fetched_is_found_without_a_network(served) -> None:
    first = fetch("hub:me/net")
    served.shutdown()
    served.server_close()
    assert fetch("hub:me/net") == first


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("me/none", "the hub has no such repository$"),
        ("me/closed", "its owner lets only those read it who have asked"),
        ("me/torch", r"me/torch has no model\.safetensors$"),
        ("me/net@old", "me/net has no revision old$"),
        ("a//b", "give hub:OWNER/NAME, and perhaps @REVISION$"),
        ("", "give hub:OWNER/NAME"),
    ],
)
def test_weights_that_cannot_be_had_are_one_line(served, name: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^--weights hub:{name}: {said}"):
        fetch(f"hub:{name}")


def test_machine_without_a_network_is_one_line(served, monkeypatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)  # it is tried for half a minute
    served.shutdown()
    served.server_close()
    with pytest.raises(ConnectionError, match=r"hub:me/net: the hub is not reached; fetch model\."):
        fetch("hub:me/net")


def test_missing_package_is_one_line(monkeypatch) -> None:
    monkeypatch.setattr(hub, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"hub:a/b needs huggingface_hub: pip install"):
        fetch("hub:a/b")
