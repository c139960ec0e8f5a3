"""Files of torch's with tensors and plain values, which are read and never executed."""

import io
import pickle
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from src.engine.console.shown import shown
from src.engine.files.nested import leaves
from src.engine.files.pickled import refuse_calls

_PLAIN = {type(None), bool, int, float, complex, str, bytes}
_PLAIN |= {torch.dtype, torch.device, torch.layout}
_STRETCHED, _SPARE = 16, 2**26  # a tensor may repeat what is in the file, though not without end


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
        refuse_calls(archive.read(pickled))
    if isinstance(file, io.BytesIO):
        file.seek(0)
    content = torch.load(file, map_location="cpu", weights_only=True)
    left = _SPARE + _STRETCHED * sum(entry.file_size for entry in entries)
    for value in leaves(content, pickled.file_size):
        left -= value.nbytes if _is_dense(value) else 0
        if left < 0 or not (type(value) in _PLAIN or _is_dense(value)):
            raise pickle.UnpicklingError(f"a {type(value).__name__} that is not plain")
    return content


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
