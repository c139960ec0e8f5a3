"""What a pickle would do, found out without doing it."""

import pickle
import pickletools
from typing import Any, NamedTuple

# What makes the values that a checkpoint may hold, and costs no more than the file is long. PyTorch
# would also call tensors with any number of elements, and any codec.
_CALLED = {
    "__builtin__ complex",
    "__builtin__ set",
    "_codecs encode",
    "collections Counter",
    "collections OrderedDict",
    "torch Size",
    "torch device",
    "torch._utils _rebuild_parameter",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_tensor_v3",
    "torch.serialization _get_layout",
}
_LARGEST_TUPLE = 10_000  # values in it and in the tuples in it


class _Item(NamedTuple):
    """What lies on the stack of a pickle.

    Attributes:
        size: Values that hashing it visits.
        text: Its text or, of what is called, its name; of a tuple, the text of the last part.
    """

    size: int = 1
    text: Any = None


def refuse_calls(content: bytes) -> None:
    """Refuse a pickle that does more than build plain values and tensors.

    PyTorch reads no other code than its own, but some of that may be asked for 10 TB. And a key
    that is a tuple of tuples is hashed, which may take for ever or overflow the stack.

    Args:
        content: Pickle as `torch.save` writes it.

    Raises:
        UnpicklingError: It does.
        ValueError: It is none.
    """
    stack: list[_Item] = []
    marks: list[int] = []
    memo: dict[Any, _Item] = {}
    for code, arg, _ in pickletools.genops(content):
        if code.name == "MARK":
            marks.append(len(stack))
        elif code.name.endswith("PUT"):
            memo[arg] = stack[-1]
        elif code.name.endswith("GET"):
            stack.append(memo[arg])
        else:
            parts = _taken(code, stack, marks)
            _refuse_call(code.name, arg, parts)
            stack += [_made(code.name, arg, parts) for _ in code.stack_after]


def _taken(code: pickletools.OpcodeInfo, stack: list[_Item], marks: list[int]) -> list[_Item]:
    """Take off the stack what an operation takes."""
    before = code.stack_before
    marked = pickletools.markobject in before
    start = marks.pop() - before.index(pickletools.markobject) if marked else len(stack)
    start -= 0 if marked else len(before)
    if start < 0:
        raise ValueError("an operation takes more than there is")
    parts = stack[start:]
    del stack[start:]
    return parts


def _refuse_call(name: str, arg: Any, parts: list[_Item]) -> None:
    allowed = True
    if name == "PROTO":
        allowed = arg == 2  # noqa: PLR2004  # PyTorch reads this one, and warns of others
    elif name == "BUILD":
        allowed = parts[0].text == "collections OrderedDict"
    elif name == "REDUCE":
        called, given = (part.text for part in parts)
        allowed = called in _CALLED and (called != "_codecs encode" or given == "latin1")
    elif name.startswith("NEWOBJ"):
        allowed = False
    if not allowed:
        raise pickle.UnpicklingError(f"{name} of {parts[:1] or arg}")


def _made(name: str, arg: Any, parts: list[_Item]) -> _Item:
    if name in ("GLOBAL", "BINUNICODE"):
        return _Item(text=arg)
    if name.startswith(("APPEND", "BUILD", "SETITEM")):
        return parts[0]
    if name == "REDUCE":
        return _Item(text=parts[0].text)
    if not name.startswith("TUPLE"):
        return _Item()
    size = 1 + sum(part.size for part in parts)
    if size > _LARGEST_TUPLE:
        raise pickle.UnpicklingError(f"a tuple of {size} values")
    return _Item(size, parts[-1].text if parts else None)
