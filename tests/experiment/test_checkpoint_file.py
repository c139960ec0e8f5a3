from pathlib import Path

import pytest
import torch

from src.experiment.checkpoint_file import read_checkpoint


def test_missing_checkpoint_names_those_that_exist(tmp_path: Path) -> None:
    (tmp_path / "best.ckpt").touch()
    with pytest.raises(FileNotFoundError, match=r"no checkpoint .*lost\.ckpt; .*best\.ckpt"):
        read_checkpoint(tmp_path / "lost.ckpt")


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04 cut off"])
def test_broken_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.ckpt").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.ckpt is not a whole checkpoint"):
        read_checkpoint(tmp_path / "x.ckpt")


def test_foreign_checkpoint_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {}}, tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match=r"x\.ckpt was not written by this command"):
        read_checkpoint(tmp_path / "x.ckpt")


def test_code_in_a_checkpoint_is_not_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "executed",)

    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    torch.save({"config": Evil()}, tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match=r"x\.ckpt is not a whole checkpoint"):
        read_checkpoint(tmp_path / "x.ckpt")
    assert not (tmp_path / "executed").exists()
