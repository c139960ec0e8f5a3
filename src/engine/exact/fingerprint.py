"""Whether an object has changed, without a copy of it to compare with."""

import hashlib
import pickle
from collections.abc import Container, Sized
from contextlib import suppress
from typing import Any

from torch import Tensor

from src.engine.checkpoints.digest import digest

_MOST = 2**20  # bytes that are looked at
_OWN_STATE = ("lightning.", "torch.optim.")  # modules whose objects are asked for it


def fingerprint(value: Any, elsewhere: Container[int] = ()) -> str | None:
    """Hash what an object holds, at most its first MiB, and of each tensor in it its first MiB.

    Args:
        value: Any object.
        elsewhere: Addresses of memory, and identities of objects, whose changes do not count.

    Returns:
        Another text if the object has changed; None for an object that does not show its content.
    """
    state = _State()
    try:
        size = len(value) if isinstance(value, Sized) else 0
        with suppress(_FullError):
            _Pickler(state, elsewhere).dump(value)
    except Exception:  # a lock, an open file, or whatever its class raises
        return None
    return f"{state.hash.hexdigest()} {size}"


class _FullError(Exception):
    """Enough was looked at."""


class _State:
    """A file that keeps a hash only."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self._size = 0

    def write(self, data: Any) -> None:
        data = memoryview(data).cast("B")
        self.hash.update(data[: _MOST - self._size])
        self._size += len(data)
        if self._size >= _MOST:
            raise _FullError


class _Pickler(pickle.Pickler):
    def __init__(self, file: Any, elsewhere: Container[int]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._elsewhere = elsewhere

    def persistent_id(self, part: Any) -> Any:
        """Name what is not to be looked into."""
        if isinstance(part, Tensor):
            address = part.untyped_storage().data_ptr()
            known = address in self._elsewhere
            return "known" if known else digest(part.flatten()[: _MOST // part.element_size()])
        own_state = type(part).__module__.startswith(_OWN_STATE)
        return "known" if own_state or id(part) in self._elsewhere else None
