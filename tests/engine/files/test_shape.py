import re
from typing import Any

import pytest

from src.engine.files.shape import misfit


@pytest.mark.parametrize(
    ("content", "shape"),
    [
        (3, int),
        (3, float),
        (0.5, float),
        (None, (None, str)),
        ("abc", re.compile("[a-c]+")),
        (5, range(9)),
        ([], [int]),
        ([1, 2], [int, ...]),
        ({"a": 1, "x": 2}, {"a": int}),
        ({}, {"a?": int}),
        ({"a": 1, "x": "y"}, {"a": int, str: str}),
    ],
)
def test_what_fits_has_no_fault(content: Any, shape: Any) -> None:
    assert misfit(content, shape) == ""


@pytest.mark.parametrize(
    ("content", "shape", "fault"),
    [
        ("3", int, "it is '3'"),
        (2**70, float, "it is of type int"),
        ("abcd", re.compile("[a-c]+"), "it is 'abcd'"),
        (True, range(9), "it is of type bool"),
        (-1, range(9), "it is of type int"),
        ([], [int, ...], "it is empty"),
        ({"a": [1, "x"]}, {"a": [int]}, "a.1 is 'x'"),
        ({}, {"a": {}}, "a is missing"),
        ({"a": {"b": 1}}, {"a?": {"b": str}}, "a.b is of type int"),
        ({"a": {3: 1}}, {"a": {str: int}}, "a has names that are not texts"),
        ({"a": {"b": None}}, {"a": {str: int}}, "a.b is of type NoneType"),
        ([3], {}, "it is of type list"),
    ],
)
def test_fault_is_named_by_its_place(content: Any, shape: Any, fault: str) -> None:
    assert misfit(content, shape) == fault
