import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from src.engine.records.config_file import (
    differing,
    flat,
    read_config,
    read_own,
    read_plain,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", "holds no settings"), ("- 1", "holds no settings"), ("a: [", "is not YAML")],
)
def test_file_that_is_no_configuration_is_named(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=f"{re.escape(str(file))} {expected}"):
        read_config(file, tmp_path)


@pytest.mark.parametrize(
    "text", ["a: 1\nb:\n  c: 1\n  c: 2\n", "a: 1\nb: {c: 1, \n c: 2}", "b: 1\n\nc: 2\n'c': 3"]
)
def test_key_that_is_there_twice_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"lines \d and \d both set c: join them"):
        read_config(tmp_path / "mine.yaml", tmp_path)


def test_keys_that_differ_are_not_confused() -> None:
    assert read_own("a: {x: 1}\nb: {x: 1}\n1: 2\n'1': 3") == {
        "a": {"x": 1}, "b": {"x": 1}, 1: 2, "1": 3
    }  # fmt: skip
    assert read_own("a: &a {x: 1, y: 1}\nb: {<<: *a, x: 2}")["b"] == {"x": 2, "y": 1}


def test_file_of_other_bytes_is_named(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff")
    with pytest.raises(ValueError, match=r"picture\.png is not YAML"):
        read_config(tmp_path / "picture.png", tmp_path)


def test_settings_get_the_names_of_the_command_line() -> None:
    network = {"class_path": "CNN", "init_args": {"width": 8}}
    content = {"model": {"class_path": "Task", "init_args": {"network": network}}, "seed": 1}
    assert dict(flat(content)) == {
        "model": "Task",
        "model.network": "CNN",
        "model.network.width": 8,
        "seed": 1,
    }


def test_missing_file_names_those_that_exist(tmp_path: Path) -> None:
    (tmp_path / "default.yaml").touch()
    with pytest.raises(ValueError, match=r"No such file or directory.* has default\.yaml"):
        read_config(tmp_path / "lost.yaml", tmp_path)


def test_settings_that_differ_have_both_values() -> None:
    assert differing({"a": 1, "b": 2}, {"b": 3, "c": 4, "a": 1}) == {"b": (2, 3), "c": (None, 4)}


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), ([{"a": 1}], [{"a": 1.0}]), (True, 1)])
def test_equal_numbers_of_two_types_differ(one: object, other: object) -> None:
    assert differing({"a": one}, {"a": other}) == {"a": (one, other)}
    assert differing({"a": one}, {"a": one}) == {}


@pytest.mark.parametrize("text", ["a: {b: [1, 2.5, true, null, x]}", "[]", "x", "a: 2026-01-01"])
def test_plain_data_is_read(text: str) -> None:
    assert read_plain(text) is not None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &x 1", "anchor"),
        ("a: [&x [1], *x]", "anchor"),
        ("!!python/name:os.system", "tag"),
        ("a: !mine 1", "tag"),
        ("[" * 60 + "]" * 60, "levels"),
        ("[" + "1," * 200_000 + "]", "entries"),
        ("a: " + "9" * 5000, "digits"),
        ("x" * 1_000_001, "at most 1,000,000 characters"),
        ("a: [", "while parsing"),
        ("a: 1\n---\nb: 2", "another document"),
        (b"a: 1", "no text"),
        (None, "no text"),
    ],
)
def test_anything_beyond_the_limits_is_refused(text: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_plain(text)


def test_own_text_is_read_as_data_too() -> None:
    assert read_own("a: &x [1, 2]\nb: *x") == {"a": [1, 2], "b": [1, 2]}
    with pytest.raises(yaml.YAMLError, match="could not determine a constructor"):
        read_own("!!python/object/apply:os.getpid []")
