"""Decoded photos, in a file that is mapped into memory, or in memory: who has them decodes no more.

A file is shared by all processes, and there at the next start. Its name tells what is in it: it is
never changed, and may be deleted. When a new one is written, those that were not used for longest
go until all together take no more than may be taken.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from errno import ENOSPC
from hashlib import blake2b
from math import prod
from pathlib import Path

import PIL
import torch
from filelock import FileLock
from torch import Tensor
from tqdm import tqdm

from src.data import photos as reading
from src.data import pictures
from src.data.photos import Photos
from src.engine import ExactLoader, note

_SHARE = 4  # a file takes at most one of so many free bytes


def kept(
    photos: Photos, memory_bytes: int, disk_bytes: int, workers: int
) -> tuple[Tensor | None, str]:
    """Decode photos once, if there is room for them.

    Args:
        photos: The photos.
        memory_bytes: Memory that they may take.
        disk_bytes: Room on the disk that they may take.
        workers: Processes that decode them.

    Returns:
        All of them decoded, or None, and in words where they are.
    """
    needed = prod(photos.decoded_shape)
    if needed <= disk_bytes:
        with suppress(OSError):  # a folder that cannot be written, a disk that is full
            file = _filled(photos, needed, disk_bytes, workers)
            mapped = torch.from_file(str(file), shared=False, size=needed, dtype=torch.uint8)
            return mapped.view(photos.decoded_shape), f"mapped from {file}"
    if needed <= memory_bytes:
        memory = torch.empty(photos.decoded_shape, dtype=torch.uint8)
        for place, part in _decoded(photos, workers):
            memory[place : place + len(part)] = part
        return memory, "kept in memory"
    return None, "read in each epoch (--data.disk_mib or --data.memory_mib would keep them)"


def _filled(photos: Photos, needed: int, disk_bytes: int, workers: int) -> Path:
    """Find the file, or write it; it has its name when it is whole and on the disk."""
    file = _file(photos)
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{file}.lock"):
        if file.exists() and file.stat().st_size == needed:
            file.touch()  # it is in use
            return file
        others = sum(each.stat().st_size for each in file.parent.glob("*.uint8"))
        if needed > (shutil.disk_usage(file.parent).free + others) // _SHARE:
            raise OSError(ENOSPC, "too little room is left")
        _make_room(file.parent, disk_bytes - needed)
        if needed > shutil.disk_usage(file.parent).free // _SHARE:
            raise OSError(ENOSPC, "too little room is left")
        part = file.with_suffix(".part")
        try:
            with part.open("wb") as stream:
                for _, each in _decoded(photos, workers):
                    stream.write(each.numpy().data)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    return file


def _make_room(folder: Path, most: int) -> None:
    """Remove the files that were not used for longest; who has mapped one keeps it."""
    files = sorted(folder.glob("*.uint8"), key=lambda file: file.stat().st_mtime)
    sizes = [file.stat().st_size for file in files]
    for number, file in enumerate(files):
        if sum(sizes[number:]) <= most:
            return
        # One that is being opened stays, and on Windows one that is mapped.
        with suppress(OSError), FileLock(f"{file}.lock", blocking=False):
            file.unlink()
            note(
                f"removed {file}, {sizes[number] / 2**20:.0f} MiB of photos decoded before: "
                "--data.disk_mib bounds all such files together"
            )


def _decoded(photos: Photos, workers: int) -> Iterator[tuple[int, Tensor]]:
    """Give the decoded photos, some at a time, with the place of the first."""
    loader = ExactLoader[Tensor](photos.uncut().image, 50, None, num_workers=workers)
    place = 0
    with tqdm(None, "decoding photos", len(photos), leave=False, delay=1, disable=None) as bar:
        for part in loader:
            yield place, part
            place += len(part)
            bar.update(len(part))


def _file(photos: Photos) -> Path:
    """Name a file after all that decides what is in it."""
    digest = blake2b(f"{PIL.__version__} {photos.decoded_shape}".encode(), digest_size=16)
    # Who changes how they are read gets other files.
    for source in (reading.__file__, pictures.__file__):
        digest.update(Path(source).read_bytes())
    for path in photos.paths:
        status = Path(os.fsdecode(path)).stat()
        digest.update(os.path.realpath(path) + f" {status.st_size} {status.st_mtime_ns} ".encode())
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "lightning-research-template" / "photos" / f"{digest.hexdigest()}.uint8"
