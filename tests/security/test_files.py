"""A file of weights or a checkpoint from a stranger: nothing of it runs, and nothing hangs."""

import os
from pathlib import Path

import pytest

from src.engine.checkpoints.find_checkpoint import find_checkpoint
from src.engine.files.plain_file import load_plain
from tests.conftest import Train
from tests.engine.checkpoints.test_checkpoint_file import save
from tests.security.payloads import costly, executing, odd
from tests.test_train import refusal

BAD = {**costly(), **odd()}


@pytest.mark.parametrize("kind", [*executing(Path("x"))])
def test_code_is_not_executed(kind: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    marker, file = tmp_path / "executed", tmp_path / "x.pt"
    file.write_bytes(executing(marker)[kind])
    with pytest.raises(ValueError, match=r"^[^\n]*x\.pt (holds more|is not a)[^\n]*$"):
        load_plain(file)
    assert not marker.exists()


@pytest.mark.parametrize("kind", BAD)
def test_costly_or_odd_file_is_refused_in_a_line(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "x.pt"
    file.write_bytes(BAD[kind])
    with pytest.raises(ValueError, match=r"^[^\n]*x\.pt (holds more|is not a)[^\n]*$"):
        load_plain(file)


@pytest.mark.parametrize("kind", ["wide key", "wide lists", "stretched", "compressed", "no end"])
@pytest.mark.parametrize("flag", ["--weights", "--ckpt_path"])
def test_command_refuses_a_bad_file(flag: str, kind: str, train: Train, capsys) -> None:
    Path("x.pt").write_bytes(BAD[kind])
    code, line = refusal(capsys, f"{flag}=x.pt", "--data=tests.tiny_mnist.TinyMNIST")
    assert code == 2
    assert "x.pt" in line
    assert not Path("lightning_logs").exists()


@pytest.mark.parametrize("flag", ["--weights", "--ckpt_path"])
def test_what_is_no_file_is_refused(flag: str, train: Train, capsys) -> None:
    os.mkfifo("pipe")
    for name in ("pipe", "/dev/zero", "data", "https://127.0.0.1/x.pt", "file:///etc/passwd"):
        code, line = refusal(capsys, f"{flag}={name}", "--data=tests.tiny_mnist.TinyMNIST")
        assert code == 2
        assert line.startswith("error: ")


def test_bad_files_beside_a_checkpoint_are_passed_over(tmp_path: Path) -> None:
    for kind, content in BAD.items():
        (tmp_path / f"{kind}.ckpt").write_bytes(content)
    os.mkfifo(tmp_path / "pipe.ckpt")
    save(tmp_path / "last.ckpt")
    path, skipped = find_checkpoint(str(tmp_path), tmp_path)
    assert path == tmp_path / "last.ckpt"
    assert len(skipped) == len(BAD) + 1
