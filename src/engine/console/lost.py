"""What torch says when another process of a run is gone."""

import re

_OF_TORCH = re.compile(r"Dist\w+Error")  # its classes for what befalls several processes
_GLOO = re.compile(
    r"Connection (closed|reset) by peer|Broken pipe|Connect timeout|Timed out waiting|"
    r"Application timeout|Socket (closed|Timeout)"
)
_PEER = re.compile(r"(?<!local=)\[([0-9a-fA-F.:]+)\]:\d+")


def lost_process(error: BaseException) -> str:
    """Say that another process of the run is gone, if an error says so in a library's words.

    Args:
        error: Anything that was raised.

    Returns:
        A sentence, with the address of that process if it is known; empty for other errors.
    """
    text = str(error)
    gloo = isinstance(error, RuntimeError) and "gloo" in text and _GLOO.search(text)
    if not gloo and not _OF_TORCH.fullmatch(type(error).__name__):
        return ""
    found = _PEER.search(text)
    where = f" on {found[1]}" if found else ""
    return (
        f"another process of this run{where} has ended, or the connection to it was lost: see what "
        "that one says, then start all of them again"
    )
