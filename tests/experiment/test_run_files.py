import hashlib
from pathlib import Path

import pytest

from src.experiment.run_files import (
    evaluation_dir,
    file_digest,
    read_json,
    read_object,
    read_sessions,
)


def test_damaged_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ValueError, match=r"a\.json is damaged"):
        read_json(tmp_path / "a.json")
    assert read_json(tmp_path / "b.json") is None


def test_value_of_another_type_is_named(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text('{"steps": 1, "test/acc": "high"}')
    with pytest.raises(ValueError, match=r"metrics\.json is damaged \(test/acc must not be str"):
        read_object(tmp_path / "metrics.json")
    assert read_object(tmp_path / "run.json") == {}


def test_session_that_lacks_something_is_named(tmp_path: Path) -> None:
    (tmp_path / "provenance.json").write_text("[{}]")
    with pytest.raises(ValueError, match=r"provenance\.json is damaged \(it lacks began"):
        read_sessions(tmp_path / "provenance.json")


def test_number_without_end_becomes_a_float(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(f"[7, {'9' * 4000}]")
    assert read_json(tmp_path / "a.json") == [7, float("inf")]


def test_file_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    assert file_digest(tmp_path / "a") == hashlib.sha256(b"x").hexdigest()


def test_each_checkpoint_and_split_has_its_evaluation() -> None:
    assert evaluation_dir(Path("a"), Path("c/best.ckpt"), "val") == Path("a/evaluation/best_val")
