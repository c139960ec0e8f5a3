"""What a user should know though nothing failed."""

import sys

from src.engine.console.masked import masked
from src.engine.console.printable import printable


def note(text: str) -> None:
    """Print a line for the user, once and not for each process."""
    if "lightning" in sys.modules:  # a command that has no need of it does not wait for it
        from lightning.pytorch.utilities import rank_zero_only

        rank_zero_only(_print)(text)
    else:
        _print(text)


def _print(text: str) -> None:
    print(f"note: {printable(masked(text))}", file=sys.stderr, flush=True)
