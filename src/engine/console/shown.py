"""Paths and commands as a reader would type them."""

import os
import shlex
import shutil
import sys
from pathlib import Path

from src.engine.console.printable import printable


def shown(path: Path) -> str:
    """Write a path as a reader would type it: relative if it is inside the working directory."""
    text = os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
    return printable(shlex.quote(text))


def python() -> str:
    """Name the Python that runs now as a reader would type it: `python` if that starts it."""
    return "python" if shutil.which("python") == sys.executable else shown(Path(sys.executable))
