"""Configurations in YAML: read as plain data, listed by name, compared."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from src.engine.console.command_line import option_name

# Settings of a data module, any one of which may say where its data lie.
DATA_PLACES = "data_dir", "root", "file"
# Settings that say where data are and how fast they are read: they change no result.
READING = (
    "data.data_dir",
    "data.num_workers",
    "data.eval_batch_size",
    "data.memory_mib",
    "data.disk_mib",
)
_LONGEST = 1_000_000  # characters; the configuration of a run has about 3,000
_MOST = 100_000  # entries
_DEEPEST = 50
_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, written in C


class _Loader(_SAFE):  # type: ignore[misc]  # one of two classes
    """Refuses a key that is there twice, of which YAML would take the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag.endswith(":merge"):
                continue
            name, line = (key.tag, key.value), key.start_mark.line + 1
            if name in lines:
                raise yaml.YAMLError(
                    f"lines {lines[name]} and {line} both set {key.value}: join them"
                )
            lines[name] = line
        return super().construct_mapping(node, deep)


def read_own(text: str) -> Any:
    """Read YAML that this project wrote, or that the user did.

    Args:
        text: YAML of one document.

    Returns:
        Its content, in plain types.

    Raises:
        yaml.YAMLError: It is no YAML.
    """
    return yaml.load(text, _Loader)


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
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # the second: 10,000 digits
        raise ValueError(" ".join(str(error).split())) from error


def _refuse_beyond_limits(text: str) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, _SAFE)):
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


def settings(config: str) -> dict[str, Any]:
    """List the settings of a configuration.

    Args:
        config: YAML.

    Returns:
        Value by name on the command line, without dashes.
    """
    return dict(flat(read_own(config)))


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
