"""Two machines: network namespaces joined by a cable, of which one may not see a folder."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ADDRESSES = ("10.231.0.1", "10.231.0.2")


def missing() -> str:
    """Say what there must be for two machines; empty if all is there."""
    if shutil.which("ip") is None or shutil.which("unshare") is None:
        return "needs ip and unshare in PATH"
    if os.geteuid() != 0:
        return "needs root"
    with machine("probe") as made:
        return "" if made else "needs leave to make network namespaces"


@contextmanager
def machine(name: str) -> Iterator[bool]:
    """Make a namespace; yields whether that was possible."""
    made = _ip("netns", "add", name) == 0
    try:
        yield made
    finally:
        if made:
            _ip("netns", "del", name)


@contextmanager
def cable(first: str, second: str) -> Iterator[None]:
    """Join two namespaces."""
    names = [first, second]
    _ip("link", "add", first, "netns", first, "type", "veth", "peer", second, "netns", second)
    for name, address in zip(names, ADDRESSES, strict=True):
        _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", name, "addr", "add", f"{address}/24", "dev", name)
        _ip("-n", name, "link", "set", name, "up")
    yield


def start(name: str, number: int, folder: Path, unseen: Path, *words: str) -> subprocess.Popen[str]:
    """Start a training by torchrun on a machine that does not see a folder."""
    torchrun = [
        *("torchrun", "--nnodes", "2", "--nproc-per-node", "1", "--rdzv-backend", "c10d"),
        *("--rdzv-endpoint", f"{ADDRESSES[0]}:29511", "--rdzv-conf", f"is_host={1 - number}"),
        *("--local-addr", ADDRESSES[number], "-m", "src.train"),
    ]
    blind = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(unseen)]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.Popen(
        ["ip", "netns", "exec", name, *blind, *torchrun, *words],
        env={**os.environ, "GLOO_SOCKET_IFNAME": name, "PATH": path},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _ip(*words: str) -> int:
    return subprocess.run(["ip", *words], capture_output=True, check=False).returncode
