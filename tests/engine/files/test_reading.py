import hashlib
import re
from pathlib import Path

import pytest

from src.engine.files.reading import evaluation_dir, file_digest, read_json, read_text
from src.engine.files.shape import METRICS, SESSION


def test_damaged_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ValueError, match=r"a\.json is damaged"):
        read_json(tmp_path / "a.json", dict)
    assert read_json(tmp_path / "b.json", dict) is None


def test_value_of_another_type_is_named(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text('{"steps": 1, "test/acc": "high"}')
    with pytest.raises(ValueError, match=r"metrics\.json is damaged \(test/acc is 'high'"):
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


def test_file_larger_than_what_a_run_writes_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    for size in (2**26, 2**26 + 1):
        with file.open("wb") as sparse:
            sparse.truncate(size)
        if size > 2**26:
            with pytest.raises(ValueError, match=r"^larger than 67,108,864 bytes$"):
                read_text(file)
        else:
            assert len(read_text(file)) == size


def test_content_of_a_file_is_given_back_and_a_folder_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"steps": 3}')
    assert read_json(tmp_path / "a.json", METRICS) == {"steps": 3}
    assert read_json(tmp_path, dict) is None
    (tmp_path / "a.json").write_text("{")
    said = re.escape(f"{tmp_path}/a.json is damaged (Expecting property name enclosed in")
    with pytest.raises(ValueError, match=rf"^{said}.*\): delete it$"):
        read_json(tmp_path / "a.json", dict)
