"""Checkpoints of a run whose machines do not see the folders of each other.

The first process has them all. What it sends is the content of a file, as numbers, and is read as
carefully as any other file is.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, distributed

_PIECE = 2**26  # bytes that are sent at a time
_DIGEST = hashlib.sha256().digest_size


def first_says(answer: bool) -> bool:
    """Give the answer of the first process of a run; all of them must ask."""
    return bool(_from_first(torch.tensor([answer], dtype=torch.uint8)))


@contextmanager
def on_all_machines(path: Path) -> Iterator[Path]:
    """Let all processes of a run read the same file; all of them must ask for it.

    Args:
        path: The file, in this process.

    Yields:
        That file, or, where it is missing or another one than that of the first process, a copy of
        the first one's.
    """
    if not _several() or not first_says(path.is_file()):
        yield path
        return
    digest = _digest(path)
    same = torch.equal(_from_first(digest), digest)
    if _all(same):
        yield path
        return
    with TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        _send(path, copy)
        yield path if same else copy


def _send(path: Path, copy: Path) -> None:
    """Send a file of the first process to all, who make a copy of it, piece by piece."""
    first = distributed.get_rank() == 0
    size = int(_from_first(torch.tensor([path.stat().st_size if first else 0])))
    with path.open("rb") if first else copy.open("wb") as file:
        for start in range(0, size, _PIECE):
            piece = torch.empty(min(_PIECE, size - start), dtype=torch.uint8)
            if first:
                file.readinto(piece.numpy().data)
            piece = _from_first(piece)
            if not first:
                file.write(piece.numpy().data)


def _several() -> bool:
    ready = distributed.is_available() and distributed.is_initialized()
    return ready and distributed.get_world_size() > 1


def _device() -> torch.device:
    return torch.device("cuda" if distributed.get_backend() == "nccl" else "cpu")


def _from_first(own: Tensor) -> Tensor:
    if not _several():
        return own
    sent = own.to(_device(), copy=True)
    distributed.broadcast(sent, 0)
    return sent.cpu()


def _all(answer: bool) -> bool:
    asked = torch.tensor([answer], dtype=torch.uint8, device=_device())
    distributed.all_reduce(asked, distributed.ReduceOp.MIN)
    return bool(asked)


def _digest(path: Path) -> Tensor:
    """Identify the content of a file; zeros if it is not there."""
    found = bytes(_DIGEST)
    if path.is_file():
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").digest()
    return torch.frombuffer(bytearray(found), dtype=torch.uint8)
