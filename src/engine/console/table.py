"""Tables for the terminal, of text that may come from elsewhere."""

from collections.abc import Iterable, Mapping
from typing import Any

from src.engine.console.printable import printable

_NAME = 13  # characters of a name: what is printed apart stands in the same columns
_WIDEST = 1000  # characters of a cell: all lines are as wide


def table(rows: Iterable[Iterable[Any]], align: str = "") -> str:
    """Write rows in aligned columns.

    Args:
        rows: Cells of each row, the headings first.
        align: `l` or `r` for each column, left or right; left if it is too short.

    Returns:
        A line for each row; long cells are cut.
    """
    return _aligned([[str(cell)[:_WIDEST] for cell in row] for row in rows], align)


def entries(texts: Mapping[str, Any] | Iterable[tuple[str, Any]], width: int = _NAME) -> str:
    """Write a name and a text in each line.

    Args:
        texts: Text by name, or names and texts; an empty text is left out.
        width: Smallest width of the column of names.

    Returns:
        The lines.
    """
    pairs = texts.items() if isinstance(texts, Mapping) else texts
    return _aligned([[name.ljust(width), str(text)] for name, text in pairs if text != ""])


def _aligned(rows: list[list[str]], align: str = "") -> str:
    from tabulate import tabulate  # a command that prints no table does not wait for it

    return str(
        tabulate(
            [[printable(cell) for cell in row] for row in rows],
            tablefmt="plain",
            disable_numparse=True,
            preserve_whitespace=True,
            colalign=["right" if letter == "r" else "left" for letter in align],
        )
    )
