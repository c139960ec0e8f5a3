"""What was found, as Markdown."""

from collections.abc import Mapping
from typing import Any


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Write all results as one table.

    Args:
        results: `status`, `seconds`, `rows` and `commit` of each part.

    Returns:
        The machine, and a row for each thing that was measured.
    """
    lines = ["| part | what | result |", "|---|---|---|"]
    for name, part in results.items():
        about = part["status"] + (f", {part['seconds']:.0f} s" if part["seconds"] else "")
        if part["commit"] != results["machine"]["commit"]:
            about += f", at commit {part['commit']}"
        lines.append(f"| **{name}** | | {_cell(about)} |")
        for what, figures in part["rows"].items():
            text = ", ".join(f"{figure} {_written(value)}" for figure, value in figures.items())
            lines.append(f"| | {_cell(what)} | {_cell(text)} |")
    return "\n".join([*lines, ""])


def _written(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"  # noqa: PLR2004
    return str(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
