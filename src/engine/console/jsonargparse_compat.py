"""Whole numbers that stay whole, where a setting takes both: 1 is a number of batches, 1.0 all."""

from collections.abc import Callable
from typing import Any

from jsonargparse import _typehints


def keep_whole_numbers() -> None:
    """Let jsonargparse try `int` before `float`, in whatever order a type names them.

    It tries them in order, and as a `float` it takes 1 for 1.0. The order is that of the type
    that some other package wrote first: for typing both are one type, which it keeps and hands on.
    """
    # Private: nothing public decides the order.
    own: Callable[..., list[Any]] = _typehints.sort_subtypes_for_union
    if own.__module__ != __name__:
        _typehints.sort_subtypes_for_union = lambda *args: _int_first(own(*args))


def _int_first(types: Any) -> list[Any]:
    found = [*types]
    if int in found and float in found[: found.index(int)]:
        found.remove(int)
        found.insert(found.index(float), int)
    return found
