"""The words of a command that are looked at before LightningCLI reads them, without torch."""

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


class CommandLine(NamedTuple):
    """A command, taken apart.

    Attributes:
        config: Configuration file that it names, or None.
        ckpt_path: Checkpoint, folder of a run or `last`, or None.
        weights: File of weights that it names, or None.
        group: Group of the run, or None.
        seeds: Seeds of the runs, or None.
        jobs: Number of runs at once, or None.
        trust: Packages that checkpoints may name, or None.
        root: Folder of the runs.
        rest: All words but those of the first seven, in their order.
    """

    config: str | None
    ckpt_path: str | None
    weights: str | None
    group: str | None
    seeds: str | None
    jobs: str | None
    trust: str | None
    root: str
    rest: list[str]


# Options of a training that are taken out of the command before LightningCLI reads it.
TAKEN_OUT = {
    "ckpt_path": "Run to continue, in its own folders: `last`, a run's folder or a checkpoint.",
    "weights": "File of weights, `.pt` or `.ckpt`, that a new run begins with.",
    "group": "Name under which runs are kept together for `src.compare`.",
    "seeds": "Train the same with several seeds: a number of runs, or seeds such as 1,2,5-9.",
    "jobs": "Runs at once, with --seeds; threads and GPUs are shared out.",
    "trust": "Packages of your own that checkpoints may name from now on, such as my_lab.",
}
_NEEDS = {  # what follows the options that are taken out
    "config": "the name of a file",
    "ckpt_path": "the name of a file",
    "weights": "the name of a file",
    "group": "a name",
    "seeds": "a number of runs or a list of seeds",
    "jobs": "a number",
    "trust": "the name of a package",
}


def option_name(path: str) -> str:
    """Shorten the path of a setting in a configuration to its name on the command line.

    Args:
        path: Keys joined by dots, such as `model.init_args.network.class_path`.

    Returns:
        The name, such as `model.network`.
    """
    return re.sub(r"\.(class_path|init_args|dict_kwargs)\b", "", path)


def split_arguments(words: list[str]) -> CommandLine:
    """Find the files that a command names, wherever in it they stand.

    Args:
        words: Words of the command.

    Returns:
        The files and the other words.

    Raises:
        ValueError: An option is given twice, without its value, or with one that excludes it.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in _NEEDS:
        names = ["-c", "--config"] if name == "config" else [f"--{name}"]
        parser.add_argument(*names, nargs="?", action="append", const="", default=[])
    given, rest = parser.parse_known_args(words)
    for name, values in vars(given).items():
        if len(values) > 1:
            raise ValueError(
                f"--{name} is given {len(values)} times: once is enough, nothing is ever mixed"
            )
        if values == [""]:
            raise ValueError(f"--{name} needs {_NEEDS[name]}")
    named = {name: values[0] if values else None for name, values in vars(given).items()}
    for other in ("config", "weights", "group", "seeds"):
        if named["ckpt_path"] and named[other]:
            raise ValueError(
                f"--{other} and --ckpt_path exclude each other: a run that continues has its own "
                "configuration, weights, group and seed"
            )
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--trainer.default_root_dir", nargs="?", dest="root")
    return CommandLine(**named, root=parser.parse_known_args(rest)[0].root or ".", rest=rest)


def refuse_linked(words: Iterable[str], links: Iterable[tuple[str, str]] = LINKS) -> None:
    """Refuse to set by hand what the data set publishes; it would be ignored.

    Args:
        words: Words of the command, which are not looked into, and names of the settings in its
            configuration.
        links: What the data set publishes, and where it goes.

    Raises:
        ValueError: One of them is such a value.
    """
    linked = {option_name(target): source for source, target in links}
    for word in words:
        name = option_name(word.partition("=")[0].lstrip("-"))
        if name in linked:
            raise ValueError(f"--{name} is not an option: the data set gives it, as {linked[name]}")
