import hashlib
from pathlib import Path

import pytest

from src.experiment.run_files import evaluation_dir, file_digest, read_json
from src.experiment.shape import METRICS, SESSION


def test_damaged_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ValueError, match=r"a\.json is damaged"):
        read_json(tmp_path / "a.json", dict)
    assert read_json(tmp_path / "b.json", dict) is None


def test_value_of_another_type_is_named(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text('{"steps": 1, "test/acc": "high"}')
    with pytest.raises(ValueError, match=r"metrics\.json is damaged \(test/acc is the str 'high'"):
        read_json(tmp_path / "metrics.json", METRICS)


def test_session_that_lacks_something_is_named(tmp_path: Path) -> None:
    (tmp_path / "provenance.json").write_text("[{}]")
    with pytest.raises(ValueError, match=r"provenance\.json is damaged \(0\.began is missing"):
        read_json(tmp_path / "provenance.json", [SESSION])


@pytest.mark.parametrize("text", ["[" * 200 + "]" * 200, "[" * 100_000, "9" * 5000])
def test_nesting_and_numbers_without_end_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=r"a\.json is damaged"):
        read_json(tmp_path / "a.json", object)


def test_file_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    assert file_digest(tmp_path / "a") == hashlib.sha256(b"x").hexdigest()


def test_each_checkpoint_and_split_has_its_evaluation() -> None:
    assert evaluation_dir(Path("a"), Path("c/best.ckpt"), "val") == Path("a/evaluation/best_val")
