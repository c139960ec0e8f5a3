"""Which photos can be used: each is decoded once, and what was found is kept for later starts."""

import json
import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.utils.data import Dataset
from tqdm import tqdm

from src.data.photo_index import FORMATS, Photo
from src.data.pictures import fitted
from src.engine import ExactLoader, note, processors, write_atomic

_TOLD = 20  # photos that a message names
_FEW = 500  # photos that are looked at before processes to help would have started
_ORDER = "test", "val", "train"  # of equal photos the first stays


class _Found(NamedTuple):
    size: int
    changed_ns: int
    digest: str
    fault: str


def usable(base: Path, photos: Sequence[Photo], skip_broken: bool) -> list[Photo]:
    """Find photos that are broken, empty, missing or there twice, before anything is trained.

    Args:
        base: Folder that their names start from.
        photos: The photos.
        skip_broken: Whether to leave them out, and say so.

    Returns:
        The photos that can be used.

    Raises:
        ValueError: There are some, and they shall not be left out.
    """
    found = _examined(base, photos)
    faults = _faults(photos, found)
    if faults:
        _tell(base, len(photos), faults, skip_broken)
    kept = [photo for photo in photos if photo.name not in faults]
    return [photo._replace(digest=found[photo.name].digest) for photo in kept]


def _tell(base: Path, count: int, faults: Mapping[str, str], skip_broken: bool) -> None:
    said = ", ".join(f"{name} ({fault})" for name, fault in [*sorted(faults.items())][:_TOLD])
    if len(faults) > _TOLD:
        said += f" and {len(faults) - _TOLD} more, all listed in {_write_list(base, faults)}"
    text = f"{len(faults)} of {count} photos in {base} cannot be used: {said}"
    if not skip_broken:
        raise ValueError(
            f"{text}. Mend or remove them, or leave them out with --data.skip_broken true"
        )
    note(f"{text}. They are left out")


def _faults(photos: Sequence[Photo], found: Mapping[str, _Found]) -> dict[str, str]:
    faults = {name: each.fault for name, each in found.items() if each.fault}
    first: dict[str, Photo] = {}
    for photo in sorted(photos, key=lambda photo: (_ORDER.index(photo.split), photo.name)):
        if photo.name in faults:
            continue
        before = first.setdefault(found[photo.name].digest, photo)
        if before is not photo:
            faults[photo.name] = f"equals {before.name}"
            if before.split != photo.split:
                faults[photo.name] += f", a leak from {before.split} into {photo.split}"
            if before.label != photo.label:  # nobody knows which is right: both are left out
                faults[photo.name] += ", which has another label"
                faults[before.name] = f"equals {photo.name}, which has another label"
    return faults


def _examined(base: Path, photos: Sequence[Photo]) -> dict[str, _Found]:
    """Look at each photo that is new or changed since the last start."""
    known, found, new = _read(_memory(base)), {}, []
    for photo in photos:
        with suppress(OSError, ValueError):
            status = (base / photo.name).stat()
            before = known.get(photo.name)
            if before and not before.fault and before[:2] == (status.st_size, status.st_mtime_ns):
                found[photo.name] = before
                continue
        new.append(photo.name)
    if new:
        found |= dict(zip(new, _looked_at(base, new), strict=True))
        with suppress(OSError):  # it saves time, no more
            write_atomic(_memory(base), json.dumps(known | found).encode(), sync=False)
    return found


def _looked_at(base: Path, names: Sequence[str]) -> list[_Found]:
    """Look at photos in several processes, unless they are few."""
    workers = processors() if len(names) > _FEW else 0
    loader = ExactLoader(_Looks(base, names), 50, None, num_workers=workers, collate_fn=list)
    found: list[_Found] = []
    with tqdm(None, "looking at photos", len(names), leave=False, delay=1, disable=None) as bar:
        for part in loader:
            found += part
            bar.update(len(part))
    return found


class _Looks(Dataset[list[_Found]]):
    def __init__(self, base: Path, names: Sequence[str]) -> None:
        self.base = base
        self.names = names

    def __len__(self) -> int:
        return len(self.names)

    def __getitems__(self, index: Tensor) -> list[_Found]:
        return [_examine(self.base / self.names[number]) for number in index.tolist()]


def _examine(path: Path) -> _Found:
    size = changed_ns = 0
    digest = fault = ""
    try:
        status = path.stat()
        size, changed_ns = status.st_size, status.st_mtime_ns
        if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for
            raise OSError("is no file")
        content = path.read_bytes()
        digest = blake2b(content, digest_size=16).hexdigest()
        with Image.open(BytesIO(content), formats=FORMATS) as picture:
            fitted(picture, (3, 8, 8))
    except UnidentifiedImageError:
        fault = "is no picture" if size else "is empty"
    except FileNotFoundError:
        fault = "is not there"
    except Exception as error:  # whatever a decoder makes of what it is given
        fault = " ".join(str(error).split()) or type(error).__name__
    return _Found(size, changed_ns, digest, fault)


def _memory(base: Path, suffix: str = ".json") -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    name = blake2b(os.fsencode(base.resolve()), digest_size=8).hexdigest()
    return Path(state) / "lightning-research-template" / "photos" / f"{name}{suffix}"


def _read(path: Path) -> dict[str, _Found]:
    with suppress(OSError, ValueError, TypeError, AttributeError):  # else all is looked at again
        return {name: _Found(*each) for name, each in json.loads(path.read_bytes()).items()}
    return {}


def _write_list(base: Path, faults: Mapping[str, str]) -> Path:
    lines = (f"{name}\t{fault}\n" for name, fault in sorted(faults.items()))
    path = _memory(base, ".txt")
    with suppress(OSError):
        write_atomic(path, "".join(lines).encode(errors="surrogateescape"), sync=False)
    return path
