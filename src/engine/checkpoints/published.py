"""What the classes that a command names bring along, known before anything is made of them."""

import inspect
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch import LightningDataModule, LightningModule
from lightning.pytorch.cli import LightningArgumentParser

from src.engine.console.command_line import LINKS, CommandLine, option_name, refuse_linked
from src.engine.records.config_file import flat, read_config

_KEPT = {"seed_everything", "trainer.max_epochs"}


def first_words(words: CommandLine, default: Path) -> tuple[dict[str, Any], list[str]]:
    """Find the settings of a new run that its command does not change.

    Args:
        words: The command.
        default: Configuration of a command that names none. A module that brings its own loaders
            takes only its seed and its length.

    Returns:
        The settings, in plain types, and the words that mean them.

    Raises:
        ValueError: The configuration cannot be read, or lacks what the command changes.
    """
    config = words.config or str(default)
    settings = read_config(Path(config), default.parent)
    if words.config:
        _refuse_missing(config, settings, words.rest)
    if words.config or not _brings_loaders(words.rest):
        # What comes through a pipe, such as <(...), can be read but once.
        read = config if Path(config).is_file() else yaml.safe_dump(settings)
        return settings, ["--config", read]
    kept = {name: value for name, value in flat(settings) if name in _KEPT}
    return {}, [f"--{name}={value}" for name, value in kept.items()]


def link(parser: LightningArgumentParser, content: dict[str, Any], words: Sequence[str]) -> bool:
    """Let the data set hand to the task and its network what it publishes.

    It does so for what its class has, and, if the user gives no value, for what it may have once
    it is made.

    Args:
        parser: Parser of a training.
        content: Configuration, in plain types.
        words: Words of the command that change it.

    Returns:
        Whether the class publishes all that is ever handed on, as that of the default does.

    Raises:
        ValueError: The user sets by hand what it publishes.
    """
    name = _class_name("data", content, words)
    if name is None:
        return False
    data = _find(name, LightningDataModule)
    sure = [each for each in LINKS if data is None or _publishes(data, each[0])]
    given = {option_name(setting) for setting, _ in flat(content)}
    refuse_linked([*given, *words], sure)
    given |= {option for option, _ in options(words)}
    for source, target in LINKS:
        if (source, target) in sure or option_name(target) not in given:
            parser.link_arguments(source, target, apply_on="instantiate")
    return len(sure) == len(LINKS)


def options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Give each option of a command with its value.

    Args:
        words: Words of the command.

    Yields:
        Name without dashes, such as `data.data_dir`, and value.
    """
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        if word.startswith("--"):
            option, equals, value = word.removeprefix("--").partition("=")
            yield option_name(option.rstrip("+")), value if equals else following


def _refuse_missing(config: str, settings: Mapping[str, Any], words: Sequence[str]) -> None:
    given = [option for option, _ in options(words)]
    for part, needed in ("model", "print_config" not in given), ("data", False):
        changed = next((option for option in given if option.startswith(f"{part}.")), None)
        if (needed or changed) and _class_name(part, settings, words) is None:
            why = f", which --{changed} changes" if changed else ""
            raise ValueError(
                f"{config} names no class for {part}{why}: write it there, as configs/default.yaml "
                f"does, or give --{part} CLASS; nothing is taken from the default configuration"
            )


def _brings_loaders(words: Sequence[str]) -> bool:
    name = _class_name("model", {}, words)
    module = _find(name, LightningModule) if name else None
    own = getattr(module, "train_dataloader", None)
    data = any(option.partition(".")[0] == "data" for option, _ in options(words))
    return own not in (None, LightningModule.train_dataloader) and not data


def _class_name(part: str, content: Mapping[str, Any], words: Sequence[str]) -> str | None:
    """Find which class is meant; None if there is none."""
    value = dict(options(words)).get(part, content.get(part))
    if isinstance(value, str):
        with suppress(yaml.YAMLError):
            value = yaml.safe_load(value)  # null, or a class with its arguments
    if isinstance(value, Mapping):
        value = value.get("class_path")
    return value if isinstance(value, str) else None


def _find(name: str, kind: type) -> type | None:
    """Find a class as jsonargparse does; None where it will say what is wrong."""
    try:
        found = pkgutil.resolve_name(name) if "." in name else _loaded(name, kind)
    except Exception:  # whatever the user's module does when it is imported
        return None
    return found if isinstance(found, type) else None


def _loaded(name: str, kind: type) -> type | None:
    """Find a loaded subclass by its bare name."""
    below: list[type] = kind.__subclasses__()
    for each in below:
        if found := each if each.__name__ == name else _loaded(name, each):
            return found
    return None


def _publishes(data: type, source: str) -> bool:
    name = source.rpartition(".")[2]
    declared = (inspect.get_annotations(each) for each in data.__mro__)
    return hasattr(data, name) or any(name in each for each in declared)
