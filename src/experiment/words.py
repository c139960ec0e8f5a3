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


class Words(NamedTuple):
    """A command, taken apart.

    Attributes:
        config: Configuration file that it names, or None.
        ckpt_path: Checkpoint, folder of a run or `last`, or None.
        weights: File of weights that it names, or None.
        root: Folder of the runs.
        rest: All words but those of the first three, in their order.
    """

    config: str | None
    ckpt_path: str | None
    weights: str | None
    root: str
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
    for names in (["-c", "--config"], ["--ckpt_path"], ["--weights"]):
        parser.add_argument(*names, nargs="?", action="append", const="", default=[])
    given, rest = parser.parse_known_args(words)
    for name, files in vars(given).items():
        if len(files) > 1:
            raise ValueError(
                f"--{name} is given {len(files)} times: a run has one, never a mixture"
            )
        if files == [""]:
            raise ValueError(f"--{name} needs the name of a file")
    named = {name: files[0] if files else None for name, files in vars(given).items()}
    for other in ("config", "weights"):
        if named["ckpt_path"] and named[other]:
            raise ValueError(
                f"--{other} and --ckpt_path exclude each other: a run that continues has its own "
                "configuration and weights"
            )
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--trainer.default_root_dir", nargs="?", dest="root")
    return Words(**named, root=parser.parse_known_args(rest)[0].root or ".", rest=rest)


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
