"""Who gets an answer from the server, and which."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse

import pytest

from src.deployment.demo_server import DemoServer
from tests.served import served


def recognise(content: bytes) -> dict[str, str]:
    if content == b"broken":
        raise RuntimeError("no memory")
    if content != b"picture":
        raise ValueError("the picture\ncannot be read")
    return {"prediction": "7"}


@pytest.fixture
def server() -> Iterator[DemoServer]:
    with served(recognise) as server:
        yield server


def ask(server: DemoServer, *request: object, **headers: str) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
    body = request[2] if len(request) > 2 else None
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(request[0], request[1], body, named)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response, content


def test_page_is_sent_with_its_policy(server: DemoServer) -> None:
    response, content = ask(server, "GET", "/")
    assert (response.status, content) == (200, server.page)
    assert response.headers["Content-Security-Policy"] == server.policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"


def test_picture_is_answered(server: DemoServer, capsys) -> None:
    response, content = ask(server, "POST", "/predict", b"picture")
    assert (response.status, json.loads(content)) == (200, {"prediction": "7"})
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (("GET", "/favicon.ico"), 404),
        (("GET", "/../pyproject.toml"), 404),
        (("POST", "/"), 405),
        (("GET", "/predict"), 405),
        (("DELETE", "/predict"), 405),
        (("POST", "/predict", b"text"), 400),
        (("POST", "/predict", b"broken"), 500),
        (("POST", "/predict", iter([b"no length"])), 411),
    ],
)
def test_other_requests_are_refused(server: DemoServer, request_: tuple, status: int) -> None:
    response, content = ask(server, *request_)
    assert response.status == status
    assert "\n" not in json.loads(content)["error"]


def test_long_picture_is_not_read(server: DemoServer) -> None:
    response, _ = ask(server, "POST", "/predict", b"", Content_Length="1000001")
    assert response.status == 413


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil", "", "[x"])
def test_foreign_name_is_refused(server: DemoServer, host: str) -> None:
    assert ask(server, "GET", "/", Host=host)[0].status == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:80", "[::1]:8000"])
def test_own_name_is_served(server: DemoServer, host: str) -> None:
    assert ask(server, "GET", "/", Host=host)[0].status == 200


def test_all_addresses_mean_numeric_names() -> None:
    with DemoServer("0.0.0.0", 0, "", recognise) as server:
        assert server.serves("192.168.0.7:8000")
        assert not server.serves("evil.example")


def test_used_port_is_one_line(server: DemoServer) -> None:
    with pytest.raises(OSError, match=r"is in use: give another, --port 0 takes a free one$"):
        DemoServer("127.0.0.1", server.server_address[1], "", recognise)
