from pathlib import Path

import pytest
import torch

from src.engine.files import plain_file
from src.engine.files.plain_file import load_plain, refuse_unsafe, unsafe_entries
from tests.engine.checkpoints.test_checkpoint_file import Evil


def test_unsafe_entry_is_named(tmp_path: Path) -> None:
    content = {"lr": 0.1, "shape": (1, 2), "dtype": torch.float32, "deep": [{"folder": tmp_path}]}
    assert list(unsafe_entries(content)) == [("deep.0.folder", "PosixPath")]


def test_look_at_a_neighbour_executes_nothing(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(plain_file, "refuse_calls", lambda _: None)  # torch's own wall must hold
    (tmp_path / "broken.ckpt").write_bytes(b"junk")
    torch.save(Evil(tmp_path / "executed"), tmp_path / "neighbour.ckpt")
    with pytest.raises(ValueError, match=r"broken\.ckpt is not a complete checkpoint") as refusal:
        load_plain(tmp_path / "broken.ckpt")
    assert "beside it" not in str(refusal.value)
    assert not (tmp_path / "executed").exists()


def test_plain_content_is_not_refused() -> None:
    refuse_unsafe("checkpoint", {"a": [1, "x", None, torch.ones(1)]})
    said = (
        "^a.0 in the checkpoint is a PosixPath, which cannot be read back safely from a checkpoint"
    )
    with pytest.raises(ValueError, match=said):
        refuse_unsafe("checkpoint", {"a": [Path("x")]})
