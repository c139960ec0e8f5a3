"""Tensors and numbers, in whatever containers, as a checkpoint holds them without any code."""

from collections import deque
from collections.abc import Container, Iterable
from typing import Any

import torch
from torch import Tensor

MOST_MIB = 4  # of one attribute
_LEAST = 64  # bytes that a value counts at least, as it takes time to write
_DEEPEST = 8
_PLAIN = (type(None), bool, int, float)


class UnsavedError(Exception):
    """A value cannot be in a checkpoint; the text says what it is."""


def encode(value: Any, elsewhere: Container[int] = ()) -> Any:
    """Copy a value into plain lists and tuples, with few tensors even if it has many.

    Args:
        value: A tensor, a number, None, or lists, tuples, deques and dictionaries of these.
        elsewhere: Addresses of memory that is saved anyway, such as that of parameters.

    Returns:
        What `decode` takes; its tensors are on the CPU.

    Raises:
        UnsavedError: It holds something else, which is named, or is too large.
    """
    return _Encoder(elsewhere).encode(value)


def decode(content: Any, device: torch.device) -> Any:
    """Make a value from what `encode` returned.

    Args:
        content: That, from whatever file.
        device: Where tensors are put that were not on the CPU.

    Returns:
        A new value, which shares nothing with the content.

    Raises:
        ValueError: The content is something else.
    """
    match content:
        case Tensor():
            value: Any = content.clone()
        case ("device", Tensor() as tensor):
            value = tensor.to(device, copy=True)
        case ("tuple", items):
            value = tuple(_decode_items(items, device))
        case ("deque", items, None | int() as maxlen):
            value = deque(_decode_items(items, device), maxlen)
        case ("list", items):
            value = list(_decode_items(items, device))
        case dict():
            value = {key: decode(part, device) for key, part in content.items()}
        case None | bool() | int() | float():
            value = content
        case _:
            raise ValueError(f"an attribute in the checkpoint is a {type(content).__name__}")
    return value


def _decode_items(content: Any, device: torch.device) -> Iterable[Any]:
    match content:
        case list():
            return [decode(item, device) for item in content]
        case ("rows", (Tensor() | ("device", Tensor())) as stacked):
            return [row.clone() for row in decode(stacked, device)]
        case ("columns", list() as columns):
            return zip(*(_decode_items(column, device) for column in columns), strict=True)
    raise ValueError(f"an attribute in the checkpoint holds a {type(content).__name__}")


class _Encoder:
    def __init__(self, elsewhere: Container[int]) -> None:
        self._elsewhere = elsewhere
        self._left = MOST_MIB * 2**20

    def encode(self, value: Any, depth: int = 0) -> Any:
        """Encode a value inside of that many containers."""
        kind = type(value)
        if kind in _PLAIN:
            self._spend(1)
            return value
        if kind is Tensor:
            return self._tensor(value, depth)
        if kind not in (list, tuple, deque, dict) or depth == _DEEPEST:
            raise UnsavedError(f"a {kind.__name__}")
        self._spend(0, 1 + len(value))
        if kind is dict:
            if strange := next((key for key in value if type(key) not in (str, int)), None):
                raise UnsavedError(f"a dict with keys of {type(strange).__name__}")
            return {key: self.encode(part, depth + 1) for key, part in value.items()}
        content = kind.__name__, self._items([*value], depth + 1)
        return (*content, value.maxlen) if isinstance(value, deque) else content

    def _items(self, items: list[Any], depth: int) -> Any:
        """Encode what is alike together: writing a thousand small tensors takes 0.1 s."""
        first = items[0] if len(items) > 1 else None
        if type(first) is Tensor and all(_is_like(item, first) for item in items):
            self._spend(first.nbytes, len(items))
            for item in items:
                self._refuse(item, depth)
            return "rows", _on_cpu(torch.stack(items))
        if type(first) is tuple and first and all(_has_length(item, len(first)) for item in items):
            columns = [self._items([*column], depth + 1) for column in zip(*items, strict=True)]
            return "columns", columns
        return [self.encode(item, depth) for item in items]

    def _tensor(self, value: Tensor, depth: int) -> Any:
        self._refuse(value, depth)
        self._spend(value.nbytes)
        return _on_cpu(value.clone())

    def _refuse(self, value: Tensor, depth: int) -> None:
        strange = value.layout is not torch.strided or value.is_quantized or value.is_complex()
        if strange or value.is_meta:
            raise UnsavedError(f"a tensor of {value.dtype}, {value.layout}, {value.device.type}")
        if depth and value.is_leaf and value.requires_grad:  # an optimizer may hold this object
            raise UnsavedError("a trained tensor")
        if value.untyped_storage().data_ptr() in self._elsewhere:
            raise UnsavedError("a view of a parameter or buffer")

    def _spend(self, size: int, count: int = 1) -> None:
        self._left -= max(size, _LEAST) * count
        if self._left < 0:
            raise UnsavedError(f"more than {MOST_MIB} MiB")


def _on_cpu(value: Tensor) -> Any:
    value = value.detach()
    return value if value.is_cpu else ("device", value.cpu())


def _is_like(value: Any, first: Tensor) -> bool:
    if type(value) is not Tensor or value.requires_grad is not first.requires_grad:
        return False
    return (value.shape, value.dtype, value.device) == (first.shape, first.dtype, first.device)


def _has_length(value: Any, length: int) -> bool:
    return type(value) is tuple and len(value) == length
