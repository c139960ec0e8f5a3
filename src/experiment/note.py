"""What a user should know though nothing failed."""

import sys

from lightning.pytorch.utilities import rank_zero_only


@rank_zero_only
def note(text: str) -> None:
    """Print a line for the user, once and not for each process.

    Args:
        text: What to say.
    """
    print(f"note: {text}", file=sys.stderr, flush=True)
