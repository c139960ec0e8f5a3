from typing import Any

import pytest
import yaml

from src.engine.records.plain import read_own, read_plain


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
