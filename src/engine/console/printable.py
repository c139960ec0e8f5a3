"""Text from elsewhere, such as the files of a run, made harmless where it is shown."""

import unicodedata
from typing import Any

# Control, format (invisible or bidirectional), half a character, separator of lines, of paragraphs.
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# With what a formula begins, also in full width: OWASP, "CSV Injection".
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def printable(text: str) -> str:
    r"""Write out the characters that a terminal or a browser obeys instead of showing them.

    Args:
        text: A name or a value, or a whole line: a newline in it is written out, too.

    Returns:
        The text with escapes such as `\x1b`, `\n` and `\u202e`; letters, signs, spaces and emoji
        stay.
    """
    if text.isprintable():
        return text
    return "".join(
        letter.encode("unicode_escape").decode()
        if unicodedata.category(letter) in _HIDDEN
        else letter
        for letter in text
    )


def spreadsheet_cell(value: Any) -> Any:
    """Keep a spreadsheet from taking a text for a formula.

    Args:
        value: What a cell of a CSV file is to hold.

    Returns:
        Of a text the printable one, after an apostrophe if it begins like a formula; anything else,
        such as a number, as it is.
    """
    if not isinstance(value, str):
        return value
    formula = value.startswith(_FORMULA) and value != "-"  # the name of standard input
    return "'" * formula + printable(value)
