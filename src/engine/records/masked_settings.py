"""Secrets among the settings of a run: not recorded, and asked for again where they are needed."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from src.engine.console.command_line import CommandLine
from src.engine.console.masked import MASK, hides, masked
from src.engine.records.config_file import flat, read_config, read_own

_ASSIGNED = re.compile(r"(?P<name>[\w.-]+)\+?=")
_OPTION = re.compile(r"--[\w.-]+")
_MASKED = re.compile(r"(?<!\*)\*\*\*(?!\*)")


def masked_settings(content: Any, name: str = "") -> Any:
    """Replace the secrets among settings by `***`.

    Args:
        content: Settings in plain types, or a part of them.
        name: Name of that part, dotted or not; if it says so, all in it is secret.

    Returns:
        The same without secrets; nothing that was given is changed.
    """
    if isinstance(content, dict):
        inherited = name if hides(name, "x") and "class_path" not in content else ""
        return {
            key: masked_settings(inner, inherited or str(key)) for key, inner in content.items()
        }
    if type(content) in (list, tuple):
        return type(content)(masked_settings(inner, name) for inner in content)
    if isinstance(content, str | int | float) and hides(name, str(content)):
        return MASK
    return masked(content) if isinstance(content, str) else content


def masked_config(text: str) -> str:
    """Replace the secrets in a configuration by `***`.

    Args:
        text: Configuration as YAML.

    Returns:
        The same text if it has none, else YAML without them.
    """
    try:
        content = read_own(text)
    except yaml.YAMLError:  # who reads it says so
        return masked(text)
    hidden = masked_settings(content)
    if hidden == content and masked(text) == text:  # also in what YAML does not read, as comments
        return text
    return yaml.safe_dump(hidden, sort_keys=False, allow_unicode=True)


def masked_words(words: Sequence[str]) -> list[str]:
    """Replace the secrets in a command by `***`.

    Args:
        words: Its words.

    Returns:
        As many words.
    """
    hidden, before = [], ""
    for word in words:
        assigned = _ASSIGNED.match(word)
        if assigned and hides(assigned["name"], word[assigned.end() :]):
            hidden.append(f"{assigned[0]}{MASK}")
        elif _OPTION.fullmatch(before) and not word.startswith("--") and hides(before, word):
            hidden.append(MASK)
        else:
            hidden.append(masked(word))
        before = word
    return hidden


def refuse_masked(config: Mapping[str, Any]) -> None:
    """Refuse to train with settings whose values were secret and therefore not recorded.

    Args:
        config: Whole configuration of a run, the options of its command included.

    Raises:
        ValueError: There is such a setting.
    """
    found = [f"--{name}" for name, value in flat(dict(config)) if _MASKED.search(str(value))]
    if found:
        raise ValueError(
            f"{' and '.join(found)} must be given again: what was secret is recorded as {MASK} "
            "alone; give null if the library reads it from an environment variable"
        )


def given_again(words: CommandLine) -> list[str]:
    """List the options with secrets, which a run that continues cannot read from its checkpoint.

    Args:
        words: Command that began it.

    Returns:
        Words for the command that continues it.
    """
    settings = flat(read_config(Path(words.config), Path())) if words.config else ()
    found = [
        f"--{name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in settings
        if masked_settings(value, name) != value
    ]
    for place, (word, hidden) in enumerate(zip(words.rest, masked_words(words.rest), strict=True)):
        if word != hidden:
            found += words.rest[place - 1 : place] if not word.startswith("--") else []
            found.append(word)
    return found
