import hashlib
from pathlib import Path

import pytest

from src.experiment.run_files import evaluation_dir, file_digest, read_json


def test_damaged_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ValueError, match=r"a\.json is damaged"):
        read_json(tmp_path / "a.json")
    assert read_json(tmp_path / "b.json") is None


def test_file_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    assert file_digest(tmp_path / "a") == hashlib.sha256(b"x").hexdigest()


def test_each_checkpoint_and_split_has_its_evaluation() -> None:
    assert evaluation_dir(Path("a"), Path("c/best.ckpt"), "val") == Path("a/evaluation/best_val")
