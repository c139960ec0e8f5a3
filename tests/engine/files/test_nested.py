from collections import OrderedDict

import pytest

from src.engine.files.nested import leaves


def test_innermost_values_and_keys_are_walked() -> None:
    assert [*leaves({"a": [1, (2, {3})], "b": {}})] == ["a", "b", 1, 2, 3]


def test_what_has_no_end_is_refused() -> None:
    loop: list = []
    loop.append(loop)
    wide: list = []
    for _ in range(60):
        wide = [wide, wide]
    for content in (loop, wide):
        with pytest.raises(ValueError, match="nested too deeply"):
            [*leaves(content)]


def test_long_list_is_walked_if_as_much_was_read() -> None:
    assert len([*leaves([0] * 1_500_000, spare=1_500_000)]) == 1_500_000
    with pytest.raises(ValueError, match="nested too deeply"):
        [*leaves([0] * 1_500_000)]


def test_container_with_replaced_methods_is_refused() -> None:
    content = OrderedDict(a=1)
    vars(content)["items"] = None
    with pytest.raises(ValueError, match="container has attributes of its own"):
        [*leaves([content])]
