"""The words of a command that are looked at before LightningCLI reads them."""

import argparse
import re
from collections.abc import Iterable
from typing import NamedTuple

# What the data set publishes and LightningCLI hands to the task and its network.
LINKS = (
    ("data.num_classes", "model.init_args.num_classes"),
    ("data.num_classes", "model.init_args.network.init_args.num_classes"),
    ("data.image_shape", "model.init_args.network.init_args.image_shape"),
)
_FIXED = ("--config", "-c", "--model", "--data", "--seed_everything", "--best")
_MOVABLE = ("--data.data_dir", "--data.num_workers")  # where the files are and who reads them


class Words(NamedTuple):
    """A command, taken apart.

    Attributes:
        config: Configuration file that it names, or None.
        ckpt_path: Checkpoint that it names, or None.
        rest: All other words, in their order.
    """

    config: str | None
    ckpt_path: str | None
    rest: list[str]


def option_name(path: str) -> str:
    """Shorten the path of a setting in a configuration to its name on the command line.

    Args:
        path: Keys joined by dots, such as `model.init_args.network.class_path`.

    Returns:
        The name, such as `model.network`.
    """
    return re.sub(r"\.(class_path|init_args|dict_kwargs)\b", "", path)


def take_apart(words: list[str]) -> Words:
    """Find the files that a command names, wherever in it they stand.

    Args:
        words: Words of the command.

    Returns:
        The files and the other words.

    Raises:
        ValueError: A file is named twice or without its name.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-c", "--config", nargs="?", action="append", const="", default=[])
    parser.add_argument("--ckpt_path", nargs="?", action="append", const="", default=[])
    given, rest = parser.parse_known_args(words)
    for name, files in vars(given).items():
        if len(files) > 1:
            raise ValueError(
                f"--{name} is given {len(files)} times: a run has one, never a mixture"
            )
        if files == [""]:
            raise ValueError(f"--{name} needs the name of a file")
    config, ckpt_path = ([*files, None][0] for files in (given.config, given.ckpt_path))
    return Words(config, ckpt_path, rest)


def refuse_linked(words: Iterable[str]) -> None:
    """Refuse to set by hand what the data set publishes; it would be ignored.

    Args:
        words: Words of the command, which are not looked into, and names of the settings in its
            configuration.

    Raises:
        ValueError: One of them is such a value.
    """
    linked = {option_name(target): source for source, target in LINKS}
    for word in words:
        name = option_name(word.partition("=")[0].lstrip("-"))
        if name in linked:
            raise ValueError(f"--{name} is not an option: the data set gives it, as {linked[name]}")


def refuse_other_experiment(words: list[str]) -> None:
    """Refuse to change in the middle of a run what makes it the experiment that it is.

    Args:
        words: Words of a command with a checkpoint.

    Raises:
        ValueError: A word changes configuration, model, data, seed or what "best" means.
    """
    for word in words:
        name = word.partition("=")[0]
        if name.startswith(_FIXED) and name not in _MOVABLE:
            raise ValueError(
                f"{name} cannot change in the middle of a run: with --ckpt_path give only "
                f"--trainer and --last options, {' or '.join(_MOVABLE)}"
            )
