"""Files of torch's with tensors and plain values, which are read and never executed."""

import io
import pickle
import pickletools
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from src.engine.console.shown import shown
from src.engine.files.nested import leaves

_PLAIN = {type(None), bool, int, float, complex, str, bytes}
_PLAIN |= {torch.dtype, torch.device, torch.layout}
_STRETCHED, _SPARE = 16, 2**26  # a tensor may repeat what is in the file, though not without end
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


def packed(content: Any) -> memoryview:
    """Serialise as `torch.save` does, in memory: a full disk then fails with its own words."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getbuffer()


def load_plain(path: str | Path, look_beside: bool = True) -> Any:
    """Read tensors and plain values from a file of torch's; nothing in it is executed.

    Args:
        path: File to read.
        look_beside: Whether the error of a broken file names the sound ones beside it.

    Returns:
        Its content, on the CPU.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is an address, is damaged, or holds more than data.
    """
    if "://" in str(path):
        raise ValueError(f"{path} is a URL: download the file and give its path")
    path = Path(path)
    if not path.is_file():
        found = ", ".join(shown(file) for file in sorted(path.parent.glob("*.[cp]*t"))) or "none"
        raise FileNotFoundError(f"there is no checkpoint {shown(path)}; its folder has: {found}")
    if damage := _damage(path):
        hint = _other_one(path) if look_beside else ""
        raise ValueError(f"{shown(path)} is not a complete checkpoint: {damage}{hint}")
    try:
        return _load(path)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{shown(path)} holds more than tensors and plain values; nothing in it was executed"
        ) from error
    except Exception as error:
        hint = _other_one(path) if look_beside else ""
        raise ValueError(
            f"{shown(path)} is not a checkpoint of torch ({type(error).__name__}){hint}"
        ) from error


def unsafe_entries(content: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Name what could not be read back from a checkpoint without executing code.

    Args:
        content: What shall be saved.
        name: Its name; the names of its parts follow, after dots.

    Yields:
        Name and type of each innermost part that is neither a tensor nor a plain value.
    """
    try:
        _load(io.BytesIO(packed(content)))
    except Exception:
        found = []
        if isinstance(content, dict | list | tuple):
            parts = content.items() if isinstance(content, dict) else enumerate(content)
            found = [
                entry for key, part in parts for entry in unsafe_entries(part, f"{name}.{key}")
            ]
        yield from found or [(name.strip("."), type(content).__name__)]


def refuse_unsafe(owner: str, content: dict[str, Any]) -> None:
    """Refuse what could not be read from a checkpoint without executing code.

    Args:
        owner: What it is the content of.
        content: What shall be saved.

    Raises:
        ValueError: A part of it is neither a tensor nor a plain value.
    """
    for name, kind in unsafe_entries(content):
        raise ValueError(
            f"{name} in the {owner} is a {kind}, which cannot be read back safely from a "
            "checkpoint: use a string or a number instead"
        )


def _load(file: Path | io.BytesIO) -> Any:
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        (pickled,) = [each for each in entries if each.filename.endswith("/data.pkl")]
        _refuse_calls(archive.read(pickled))
    if isinstance(file, io.BytesIO):
        file.seek(0)
    content = torch.load(file, map_location="cpu", weights_only=True)
    left = _SPARE + _STRETCHED * sum(entry.file_size for entry in entries)
    for value in leaves(content, pickled.file_size):
        left -= value.nbytes if _is_dense(value) else 0
        if left < 0 or not (type(value) in _PLAIN or _is_dense(value)):
            raise pickle.UnpicklingError(f"a {type(value).__name__} that is not plain")
    return content


def _refuse_calls(content: bytes) -> None:
    """Refuse a pickle that does more than build plain values and tensors, without loading it.

    PyTorch reads no other code than its own, but some of that may be asked for 10 TB. And a key
    that is a tuple of tuples is hashed, which may take for ever or overflow the stack.
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


def _is_dense(value: Any) -> bool:
    """Tell whether a value is a tensor whose elements are all there."""
    if type(value) not in (Tensor, nn.Parameter):
        return False
    return bool(value.layout is torch.strided and value.is_cpu and not value.is_quantized)


def _damage(path: Path) -> str:
    size = path.stat().st_size
    if size == 0:
        return "it is empty"
    with path.open("rb") as file:  # by which torch tells a zip from its older format
        begins = file.read(4) == b"PK\x03\x04"
    if not begins or not zipfile.is_zipfile(path):
        return "it is cut off, or not a file of torch"
    try:
        with zipfile.ZipFile(path) as archive:
            strange = _strange(archive.infolist(), size)
            broken = "" if strange else archive.testzip()
    except Exception as error:  # zipfile has many, such as NotImplementedError
        return f"{type(error).__name__}: {error}"
    return strange or (f"{broken} does not match its checksum" if broken else "")


def _strange(entries: Sequence[zipfile.ZipInfo], size: int) -> str:
    """Say what torch never writes: it may be large when unpacked, or mean two things."""
    names = [entry.filename for entry in entries]
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        return "it is compressed"
    if sum(entry.file_size for entry in entries) > size:
        return "its entries overlap"
    folders = {name.partition("/")[0] for name in names}
    first = min((entry.header_offset for entry in entries), default=0)
    if first > 0 or len(set(names)) < len(names) or len(folders) > 1:
        return "it is several archives in one"
    return ""


def _other_one(path: Path) -> str:
    """Point to a sound file beside a broken one; an explicit path never falls back by itself."""
    sound = [file for file in sorted(path.parent.glob("*.ckpt")) if file != path and _sound(file)]
    return f"; beside it, {' and '.join(map(shown, sound))} can be used" if sound else ""


def _sound(path: Path) -> bool:
    try:
        return path.is_file() and not _damage(path) and bool(_load(path))
    except Exception:
        return False
