"""YAML of which nothing is known: plain data, read with limits."""

from typing import Any

import yaml

_LONGEST = 1_000_000  # characters; the configuration of a run has about 3,000
_MOST = 100_000  # entries
_DEEPEST = 50
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, written in C


def read_own(text: str) -> Any:
    """Read YAML that this project wrote, or that the user did.

    Args:
        text: YAML of one document.

    Returns:
        Its content, in plain types.

    Raises:
        yaml.YAMLError: It is no YAML.
    """
    return yaml.load(text, _LOADER)


def read_plain(text: Any) -> Any:
    """Read YAML that a stranger may have written, in time and memory that its length bounds.

    Args:
        text: YAML of one document, without anchors, aliases and tags.

    Returns:
        Its content, in plain types.

    Raises:
        ValueError: It is no such text, or too long, too deep or of too many entries.
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise ValueError(f"it is no text of at most {_LONGEST:,} characters")
    try:
        _refuse_beyond_limits(text)
        return yaml.load(text, _LOADER)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # the second: 10,000 digits
        raise ValueError(" ".join(str(error).split())) from error


def _refuse_beyond_limits(text: str) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, _LOADER)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST or count > _MOST:
            raise ValueError(f"it has over {_MOST:,} entries or {_DEEPEST} levels")
        if getattr(event, "anchor", None):  # nine levels of aliases are a thousand million entries
            raise ValueError("it has an anchor or an alias")
        if tag := getattr(event, "tag", None):
            raise ValueError(f"it has a tag, {tag}")
