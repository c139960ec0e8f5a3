"""Nested values of a file from elsewhere, walked with an end."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

_MOST, _DEEPEST = 1_000_000, 100  # of a real file: thousands, and about ten


def leaves(content: Any, spare: int = 0) -> Iterator[Any]:
    """Walk through nested containers, whatever they refer to.

    A list that refers to itself has no end, and fifty lists that each refer twice to the next one
    have none in practice.

    Args:
        content: Nested dictionaries, lists, tuples and sets.
        spare: Values that it may have beyond a million, such as the bytes that describe it.

    Yields:
        Each innermost value, keys included.

    Raises:
        ValueError: It is nested too deeply, or too often.
    """
    walks, count = [iter((content,))], 0
    while walks:
        for part in walks[-1]:
            count += 1
            if count > _MOST + spare or len(walks) > _DEEPEST:
                raise ValueError(
                    "its values are nested too deeply or refer to each other too often"
                )
            if isinstance(part, dict | list | tuple | set):
                walks.append(iter(_inside(part)))
                break
            yield part
        else:
            walks.pop()


def _inside(container: Any) -> Iterable[Any]:
    isdict = isinstance(container, dict)
    parts = (container.keys(), container.values()) if isdict else (container,)
    state = getattr(container, "__dict__", {})  # PyTorch's weights have `_metadata`
    if not state.keys() <= {"_metadata"}:
        raise ValueError("a container has attributes of its own")
    return chain(*parts, state.values())
