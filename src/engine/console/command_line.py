"""Options of a command that are read before LightningCLI reads the others, without torch."""

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
# Options of a training that are taken out of the command before LightningCLI reads it.
TAKEN_OUT = {
    "ckpt_path": "Run to continue in its own folders: `last`, its name or folder, or a checkpoint.",
    "weights": "Weights a new run starts from: `.pt`, `.pth`, `.ckpt`, `.safetensors`, `hub:NAME`.",
    "group": "Name of the group that a new run belongs to, for `src.compare`.",
    "seeds": "Train once for each seed: their number, or seeds such as 1,2,5-9.",
    "jobs": "Runs at the same time, with --seeds; they share the threads and GPUs.",
    "trust": "Your own packages that checkpoints may name from now on, such as my_lab.",
}


class CommandLine(NamedTuple):
    """A command, split into the options that are taken out, if given, and the rest.

    Attributes:
        config: Configuration file.
        ckpt_path: Checkpoint, folder of a run or `last`.
        weights: File of weights.
        group: Group of the run.
        seeds: Seeds of the runs.
        jobs: Number of runs at once.
        trust: Packages that checkpoints may name.
        root: Folder of the runs; its option stays in the rest.
        rest: All other words, in their order.
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


def option_name(path: str) -> str:
    """Name a setting as on the command line: `model.init_args.lr.class_path` is `model.lr`."""
    return re.sub(r"\.(class_path|init_args|dict_kwargs)\b", "", path)


def split_arguments(words: list[str]) -> CommandLine:
    """Take the options out of a command that LightningCLI does not read, wherever they stand.

    Args:
        words: Words of the command.

    Returns:
        The options and the other words.

    Raises:
        ValueError: An option is given twice, without its value, or with one that excludes it.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for names in (["-c", "--config"], *([f"--{name}"] for name in TAKEN_OUT)):
        parser.add_argument(*names, nargs="?", action="append", const="", default=[])
    found, rest = parser.parse_known_args(words)
    given = vars(found)
    for name, values in given.items():
        if len(values) > 1:
            raise ValueError(f"--{name} is given {len(values)} times: give it once")
        if values == [""]:
            raise ValueError(f"--{name} needs a value: see --help")
    options = {name: values[0] if values else None for name, values in given.items()}
    for other in ("config", "weights", "group", "seeds"):
        if options["ckpt_path"] and options[other]:
            raise ValueError(
                f"--{other} cannot be combined with --ckpt_path: a run that continues keeps its "
                "own configuration, weights, group and seed"
            )
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--trainer.default_root_dir", nargs="?", dest="root")
    return CommandLine(**options, root=parser.parse_known_args(rest)[0].root or ".", rest=rest)


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
            raise ValueError(f"--{name} cannot be set: the data set gives it, as {linked[name]}")
