import re
from pathlib import Path

import pytest

from src.engine.records.config_file import differing, flat, read_config, repaired


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", "holds no settings"), ("- 1", "holds no settings"), ("a: [", "is not YAML")],
)
def test_file_that_is_no_configuration_is_named(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=f"{re.escape(str(file))} {expected}"):
        read_config(file, tmp_path)


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


def test_default_without_yaml_is_written_as_its_text() -> None:
    dumped = "a: 1\ndevice: Unable to serialize instance cpu\nb: 2\n"
    assert repaired(dumped) == "a: 1\ndevice: cpu\nb: 2\n"
    with pytest.raises(ValueError, match="<x at 7> has no text"):
        repaired("a: Unable to serialize instance <x at 7>\n")


def test_settings_that_differ_have_both_values() -> None:
    assert differing({"a": 1, "b": 2}, {"b": 3, "c": 4, "a": 1}) == {"b": (2, 3), "c": (None, 4)}


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), ([{"a": 1}], [{"a": 1.0}]), (True, 1)])
def test_equal_numbers_of_two_types_differ(one: object, other: object) -> None:
    assert differing({"a": one}, {"a": other}) == {"a": (one, other)}
    assert differing({"a": one}, {"a": one}) == {}
