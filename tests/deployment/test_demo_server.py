"""Who gets an answer from the server, and which."""

import json
import socket
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
    method, path, body = (*request, None)[:3]
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response, content


def test_page_is_sent_with_its_policy(server: DemoServer) -> None:
    response, content = ask(server, "GET", "/")
    assert (response.status, content) == (200, server.page)
    assert dict(response.headers) == {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Length": str(len(server.page)),
        "Content-Security-Policy": server.policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "Connection": "keep-alive",
    }


def test_picture_is_answered(server: DemoServer, capsys) -> None:
    response, content = ask(server, "POST", "/predict", b"picture")
    assert (response.status, json.loads(content)) == (200, {"prediction": "7"})
    assert response.headers["Content-Type"] == "application/json"
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
    ],
)
def test_other_requests_are_refused(server: DemoServer, request_: tuple, status: int) -> None:
    response, content = ask(server, *request_)
    assert response.status == status
    assert "\n" not in json.loads(content)["error"]
    assert response.headers["Connection"] == "close"
    allowed = {("POST", "/"): "GET", ("GET", "/predict"): "POST", ("DELETE", "/predict"): "POST"}
    assert response.headers["Allow"] == allowed.get(request_[:2] if status == 405 else ())
    assert response.headers["Content-Type"] == "application/json"
    assert server.turn.acquire(blocking=False)  # whatever happened, the next one has its turn


def test_picture_without_a_length_is_refused(server: DemoServer) -> None:
    response, content = ask(server, "POST", "/predict", Transfer_Encoding="chunked")
    assert response.status == 411
    assert "\n" not in json.loads(content)["error"]
    assert response.headers["Connection"] == "close"


def test_head_has_no_content(server: DemoServer) -> None:
    response, content = ask(server, "HEAD", "/")
    assert (response.status, content) == (405, b"")
    assert int(response.headers["Content-Length"]) > 0


def test_what_went_wrong_is_for_the_terminal(server: DemoServer, capsys) -> None:
    _, content = ask(server, "POST", "/predict", b"broken")
    reason = "RuntimeError: the terminal of the demo says more"
    assert json.loads(content) == {"error": reason}
    assert capsys.readouterr() == ("", "error: RuntimeError: 'no memory'\n")
    _, content = ask(server, "POST", "/predict", b"text")
    assert json.loads(content) == {"error": "the picture cannot be read"}
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("error", [ConnectionResetError, TimeoutError, KeyError])
def test_page_that_is_closed_is_no_failure(server: DemoServer, capsys, error: type) -> None:
    try:
        raise error
    except error:
        server.handle_error(None, ("127.0.0.1", 1))
    assert (error.__name__ in capsys.readouterr().err) == (error is KeyError)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://LOCALHOST:5"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "same-origin"}, 200),
        ({"Sec_Fetch_Site": "none"}, 200),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-origin", "Origin": "http://evil.example"}, 403),
    ],
)
def test_picture_comes_from_the_own_page(server: DemoServer, headers: dict, status: int) -> None:
    answer, _ = ask(server, "POST", "/predict", b"picture", Host="localhost:5", **headers)
    assert answer.status == status


def test_long_picture_is_not_read(server: DemoServer) -> None:
    response, _ = ask(server, "POST", "/predict", b"", Content_Length="1000001")
    assert response.status == 413
    response, _ = ask(server, "POST", "/predict", bytes(1_000_000))
    assert response.status == 400  # of the largest one, no picture


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil", "", "[x"])
def test_foreign_name_is_refused(server: DemoServer, host: str) -> None:
    assert ask(server, "GET", "/", Host=host)[0].status == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:80", "[::1]:8000"])
def test_own_name_is_served(server: DemoServer, host: str) -> None:
    assert ask(server, "GET", "/", Host=host)[0].status == 200


def test_all_addresses_mean_numeric_names() -> None:
    with DemoServer("0.0.0.0", 0, "", recognise) as server:
        assert server.serves("192.168.0.7:8000")
        assert server.serves("[fe80::1]:8000")
        assert not server.serves("evil.example")
        assert server.url == f"http://0.0.0.0:{server.server_address[1]}"
    with DemoServer("127.0.0.1", 0, "", recognise) as server:
        assert not server.serves("192.168.0.7:8000")
        assert server.socket.family == socket.AF_INET


def test_command_names_the_host_as_it_likes() -> None:
    with DemoServer("LocalHost", 0, "", recognise) as server:
        assert server.serves("localhost:8000")
        assert server.url.startswith("http://LocalHost:")


def test_address_of_the_sixth_version_is_in_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DemoServer, "server_bind", lambda self: None)
    monkeypatch.setattr(DemoServer, "server_activate", lambda self: None)
    with DemoServer("::1", 0, "", recognise) as server:
        server.server_address = ("::1", 80)
        assert (server.url, server.address_family) == ("http://[::1]:80", socket.AF_INET6)


def test_other_failure_to_listen_is_as_it_is() -> None:
    with pytest.raises(OSError, match=r"^(?!.*is in use)"):
        DemoServer("192.0.2.1", 0, "", recognise)  # an address of documentation, not of this host


def test_used_port_is_one_line(server: DemoServer) -> None:
    with pytest.raises(OSError, match=r"is in use: give another, --port 0 takes a free one$"):
        DemoServer("127.0.0.1", server.server_address[1], "", recognise)
