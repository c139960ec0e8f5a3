"""Paths and commands as a reader would type them."""

import os
import shlex
import shutil
import sys
from pathlib import Path

from src.engine.console.printable import printable


def shown(path: Path) -> str:
    """Write a path as a reader in the working directory would type it.

    Args:
        path: Any path.

    Returns:
        Relative to the working directory if inside it, quoted where a shell needs it, printable.
    """
    text = os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
    return printable(shlex.quote(text))


def python() -> str:
    """Name the Python that runs now as a reader would type it.

    Returns:
        `python` if that word starts it, else its path.
    """
    return "python" if shutil.which("python") == sys.executable else shown(Path(sys.executable))
