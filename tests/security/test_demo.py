"""Who makes the demo answer: its own page, and as many as like at once."""

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest

from src.deployment.demo_server import DemoServer
from tests.deployment.test_demo_server import ask
from tests.served import served

CLIENTS = 200


def recognise(content: bytes) -> dict[str, str]:
    if content == b"broken":
        raise FileNotFoundError(2, "No such\nfile", "/secret/model.pt\x1b[2J")
    return {"prediction": content.decode()}


@pytest.fixture
def server() -> Iterator[DemoServer]:
    with served(recognise) as server:
        yield server


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("localhost:9000", "http://localhost:9000"),  # the local end of a tunnel
        ("LOCALHOST", "http://localhost"),
        ("[::1]:8000", "http://[::1]:8000"),
    ],
)
@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_own_page_is_answered(server: DemoServer, host: str, origin: str, site: str) -> None:
    headers = {"Host": host, "Origin": origin, "Sec_Fetch_Site": site}
    assert ask(server, "POST", "/predict", b"7", **headers)[0].status == 200


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://evil.example",
        "http://evil.example:8000",
        "https://localhost:8000",
        "http://localhost:8001",
        "http://localhost",
        "http://localhost:8000.evil.example",
        "http://localhost:8000@evil.example",
        "http://127.0.0.1:8000",
        "localhost:8000",
    ],
)
def test_page_of_another_site_is_refused(server: DemoServer, origin: str) -> None:
    headers = {"Host": "localhost:8000", "Origin": origin}
    response, content = ask(server, "POST", "/predict", **headers)
    assert response.status == 403
    assert "own page" in json.loads(content)["error"]


@pytest.mark.parametrize("site", ["cross-site", "same-site", ""])
def test_page_of_another_site_without_origin_is_refused(server: DemoServer, site: str) -> None:
    assert ask(server, "POST", "/predict", Sec_Fetch_Site=site)[0].status == 403
    assert ask(server, "GET", "/", Sec_Fetch_Site=site)[0].status == 200  # a link to the page


def test_foreign_name_is_refused_with_its_own_origin(server: DemoServer) -> None:
    headers = {"Host": "evil.example:8000", "Origin": "http://evil.example:8000"}
    assert ask(server, "POST", "/predict", **headers)[0].status == 403


def test_failure_is_told_to_the_terminal_alone(server: DemoServer, capsys) -> None:
    response, content = ask(server, "POST", "/predict", b"broken")
    assert response.status == 500
    assert json.loads(content)["error"].startswith("FileNotFoundError: the terminal")
    said = capsys.readouterr().err
    assert "/secret/model.pt" in said
    assert (said.count("\n"), "\x1b" in said) == (1, False)


def test_crowd_is_answered(server: DemoServer) -> None:
    start = threading.Barrier(CLIENTS)

    def visit(number: int) -> tuple[int, int, str]:
        connection = HTTPConnection("127.0.0.1", server.server_address[1], timeout=60)
        start.wait()
        connection.request("GET", "/")
        page = connection.getresponse()
        page.read()
        connection.request("POST", "/predict", str(number).encode())
        answer = connection.getresponse()
        said = json.loads(answer.read())["prediction"]
        connection.close()
        return page.status, answer.status, said

    with ThreadPoolExecutor(CLIENTS) as pool:
        found = [*pool.map(visit, range(CLIENTS))]
    assert found == [(200, 200, str(number)) for number in range(CLIENTS)]


@pytest.mark.parametrize(
    "begin",
    [
        b"",
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nX: ",
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n",
    ],
)
def test_slow_clients_hold_nobody_up(server: DemoServer, begin: bytes) -> None:
    address = ("127.0.0.1", server.server_address[1])
    slow = [socket.create_connection(address) for _ in range(50)]
    for connection in slow:
        connection.sendall(begin)
    assert ask(server, "POST", "/predict", b"7")[0].status == 200
    for connection in slow:
        connection.close()


def test_silent_client_is_left(server: DemoServer, monkeypatch, capsys) -> None:
    monkeypatch.setattr(server.RequestHandlerClass, "timeout", 0.1)
    with socket.create_connection(("127.0.0.1", server.server_address[1])) as silent:
        silent.settimeout(10)
        silent.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
        assert silent.recv(1) == b""
    assert capsys.readouterr().err == ""


def test_drawings_are_recognised_one_after_the_other(server: DemoServer) -> None:
    working, most = [], []

    def count(content: bytes) -> dict[str, str]:
        working.append(content)
        threading.Event().wait(0.01)
        most.append(len(working))
        working.remove(content)
        return {}

    server.recognise = count
    with ThreadPoolExecutor(8) as pool:
        [*pool.map(lambda _: ask(server, "POST", "/predict", b"7"), range(8))]
    assert most == [1] * 8
