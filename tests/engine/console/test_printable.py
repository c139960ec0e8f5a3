"""Text from elsewhere: what stays, what is written out."""

import pytest

from src.engine.console.printable import printable, spreadsheet_cell


@pytest.mark.parametrize(
    "text", ["", "lr=0.1 C:\\x", "Größe", "数字　全角", "👍🏽 ❤️", "e\u0301", "a\u00a0b", "עברית"]
)
def test_ordinary_text_stays(text: str) -> None:
    assert printable(text) is text or printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2Jé", "\\x1b[2Jé"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\x00\x7f\x9b", "\\x00\\x7f\\x9b"),
        ("\u202etxt.exe\u2066", "\\u202etxt.exe\\u2066"),
        ("\u200b\u200f\ufeff\u2028\u2029", "\\u200b\\u200f\\ufeff\\u2028\\u2029"),
        ("\U000e0041", "\\U000e0041"),
        ("\udc80", "\\udc80"),
    ],
)
def test_what_is_obeyed_or_hidden_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "--", "@x", "\t=1", "\r=1", "\n=1", *"\uff1d\uff0b\uff0d\uff20"],
)
def test_formula_becomes_text(text: str) -> None:
    assert spreadsheet_cell(text) == f"'{printable(text)}"


@pytest.mark.parametrize("value", [-1, -0.5, 3, None, True, "a-b", "1=1", "", "-"])
def test_numbers_and_other_text_stay(value: object) -> None:
    assert spreadsheet_cell(value) is value
