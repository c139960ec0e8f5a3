"""The server of the demo, at work in a thread."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from src.deployment.demo_server import DemoServer


@contextmanager
def served(recognise: Callable[[bytes], dict[str, Any]]) -> Iterator[DemoServer]:
    """Serve an empty page on a free port of this machine."""
    with DemoServer("127.0.0.1", 0, "<style></style><script></script>", recognise) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
