"""A configuration file, looked at before it is read."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from src.engine.console.command_line import option_name
from src.engine.records.plain import read_own


def read_config(path: Path, folder: Path) -> dict[str, Any]:
    """Read a configuration's plain content, or say in a sentence why a file cannot be one.

    Args:
        path: File that the user named.
        folder: Where the project's own configurations are.

    Returns:
        Its content, in plain types; no class is known or made yet.

    Raises:
        ValueError: It is missing, is not YAML or holds no settings.
    """
    try:
        content = read_own(path.read_text())
    except OSError as error:
        found = ", ".join(sorted(file.name for file in folder.glob("*.yaml")))
        raise ValueError(
            f"--config {path} cannot be read ({error.strerror}); {folder} has {found}"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"--config {path} is not YAML: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"--config {path} holds no settings: start from a file in {folder}")
    return content


def repaired(text: str) -> str:
    """Write out what jsonargparse 4.53 cannot, such as a default of `torch.device("cpu")`.

    Args:
        text: Configuration as jsonargparse dumps it.

    Returns:
        The same as YAML that can be read back.

    Raises:
        ValueError: It holds something that has no short text.
    """
    refusal = "Unable to serialize instance "
    text = re.sub(rf"{refusal}(\w+)$", r"\1", text, flags=re.MULTILINE)
    if refusal in text:
        what = text.partition(refusal)[2].splitlines()[0]
        raise ValueError(f"the configuration cannot be written down, {what} has no text: leave it")
    return text


def differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """List what two sets of settings do not have in common.

    Args:
        old: Value by name.
        new: The other one.

    Returns:
        Both values by name; one that is lacking is None.
    """
    names = [*old, *(name for name in new if name not in old)]
    pairs = {name: (old.get(name), new.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if not _same(*pair)}


def _same(one: Any, other: Any) -> bool:
    """Compare values and their types: 1 is a number of batches, 1.0 is all of them."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and bool(one == other)


def flat(content: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """List the settings of a configuration by the names that they have on the command line.

    Args:
        content: Configuration in plain types, or a part of it.
        name: Dotted name of that part.

    Yields:
        Dotted name, such as `model.optimizer.lr`, and value.
    """
    if isinstance(content, dict):
        for key, inner in content.items():
            yield from flat(inner, option_name(f"{name}.{key}".strip(".")))
    else:
        yield name, content
