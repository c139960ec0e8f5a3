"""What torch says when another process of a run is gone."""

import re

# Classes of torch.distributed, of which only the text of others is told, and what gloo says.
_KINDS = {"DistBackendError", "DistNetworkError", "DistStoreError"}
_GLOO = re.compile(
    r"Connection (closed|reset) by peer|Broken pipe|Connect timeout|Timed out waiting|"
    r"Application timeout|Socket (closed|Timeout)"
)
_PEER = re.compile(r"(?:remote|peer|to|local)\W*\[([0-9a-fA-F.:]+?)\]:\d+")


def lost_process(error: BaseException) -> str:
    """Say that another process of the run is gone, if an error says so in a library's words.

    Args:
        error: Anything that was raised.

    Returns:
        A sentence, with the address of that process if it is known; empty for other errors.
    """
    text = str(error)
    gloo = isinstance(error, RuntimeError) and "gloo" in text and _GLOO.search(text)
    if not gloo and type(error).__name__ not in _KINDS:
        return ""
    found = _PEER.search(text)
    where = f" on {found[1]}" if found else ""
    return (
        f"another process of this run{where} has ended, or the connection to it was lost: see what "
        "that one says, then start all of them again"
    )
