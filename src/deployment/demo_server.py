"""A web server on this computer that answers drawings with probabilities."""

import errno
import ipaddress
import json
import re
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit

from typing_extensions import override

from src.deployment.demo_page import content_policy

_MAX_BYTES = 1_000_000  # of a picture


class DemoServer(ThreadingHTTPServer):
    """Serves the page, to those who ask for this host by its name, and the answers to the page.

    Args:
        host: Address to listen at; for one that means all, any numeric address may be asked for.
        port: Port to listen at; 0 takes a free one.
        page: The page.
        recognise: Turns the content of a picture into an answer.

    Raises:
        OSError: The address cannot be had.
    """

    daemon_threads = True
    request_queue_size = 1024  # connections that wait; with Python's 5, a crowd is turned away

    def __init__(
        self, host: str, port: int, page: str, recognise: Callable[[bytes], dict[str, Any]]
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.host = host
        self.page = page.encode()
        self.policy = content_policy(page)
        self.recognise = recognise
        self.turn = threading.Lock()  # each thread that computes takes memory of its own
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise OSError(
                f"port {port} of {host} is in use: give another, --port 0 takes a free one"
            ) from error

    @property
    def url(self) -> str:
        """Address of the page."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.server_address[1]}"

    @override
    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # without a question to the name server

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):  # a closed page
            super().handle_error(request, client_address)

    def serves(self, host: str) -> bool:
        """Say whether a request is meant for this server; a foreign name points here by a trick.

        Args:
            host: Its header `Host`.

        Returns:
            Whether the name is a usual one of this computer, or that of the command.
        """
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        known = name in {"localhost", "127.0.0.1", "::1", self.host.lower()}
        return known or (self.host in {"0.0.0.0", "::"} and _numeric(name))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30  # seconds that a client may be silent
    server: DemoServer
    _allowed: ClassVar = {"/": "GET", "/predict": "POST"}

    def _answer(self) -> None:
        if not self.server.serves(self.headers.get("Host", "")):
            return self._fail(403, "this server answers only to the address it was started with")
        if self.command == "POST" and not self._is_of_own_page():
            return self._fail(403, "this server answers only to its own page")
        if self.path not in self._allowed:
            return self._fail(404, "there is only / and /predict")
        if self.command != self._allowed[self.path]:
            return self._fail(405, f"{self.path} takes {self._allowed[self.path]} only")
        if self.path == "/":
            return self._send(200, "text/html; charset=utf-8", self.server.page)
        return self._predict()

    do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = _answer  # noqa: N815

    def _is_of_own_page(self) -> bool:
        """Tell whether no other page made a browser send this; a tunnel may change the port."""
        own, origin = f"http://{self.headers['Host']}".lower(), self.headers.get("Origin")
        site = self.headers.get("Sec-Fetch-Site", "none")
        return (origin is None or origin.lower() == own) and site in {"same-origin", "none"}

    def _predict(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"\d{1,18}", length, re.ASCII):
            return self._fail(411, "the request must say its length")
        if int(length) > _MAX_BYTES:
            return self._fail(413, f"a picture may have {_MAX_BYTES:,} bytes, this has {length}")
        content = self.rfile.read(int(length))
        try:
            with self.server.turn:
                answer = self.server.recognise(content)
        except ValueError as error:
            return self._fail(400, str(error))
        except Exception as error:
            kind, text = type(error).__name__, str(error)  # a path in it is not for every client
            print(f"error: {kind}: {text!r}", file=sys.stderr)
            return self._fail(500, f"{kind}: the terminal of the demo says more")
        return self._send(200, "application/json", json.dumps(answer).encode())

    def _fail(self, status: int, reason: str) -> None:
        self.close_connection = True  # what else it sent is not read
        content = json.dumps({"error": " ".join(reason.split())}).encode()
        self._send(status, "application/json", content)

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response_only(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            "Content-Security-Policy": self.server.policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "Connection": "close" if self.close_connection else "keep-alive",
            **({"Allow": self._allowed[self.path]} if status == 405 else {}),  # noqa: PLR2004
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass  # the terminal stays quiet


def _numeric(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
