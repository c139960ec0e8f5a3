"""A configuration as checkpoints and records hold it."""

from pathlib import Path
from typing import cast

from jsonargparse import Namespace
from lightning.pytorch.cli import LightningArgumentParser

from src.engine.console.command_line import TAKEN_OUT
from src.engine.console.parser import OneLineParser
from src.engine.records.config_file import repaired
from src.engine.records.masked_settings import masked_config


def dump(parser: LightningArgumentParser, config: Namespace) -> str:
    """Write down a configuration as checkpoints hold it.

    Args:
        parser: Parser of a training.
        config: What it has parsed.

    Returns:
        YAML.

    Raises:
        ValueError: It holds something that has no short text.
    """
    with cast(OneLineParser, parser).guard():
        return _written(parser, config)


def dump_default(parser: LightningArgumentParser, path: Path | None) -> str | None:
    """Write down the configuration that a run has if nothing is said.

    Args:
        parser: Parser of a training.
        path: File with that configuration; None is that of the classes that the user names.

    Returns:
        YAML; None if there is no such file.
    """
    if path and not path.is_file():
        return None
    config = parser.parse_args(["--config", str(path)]) if path else parser.get_defaults()
    for name in (*TAKEN_OUT, "debug"):
        config.pop(name)
    return _written(parser, config)


def _written(parser: LightningArgumentParser, config: Namespace) -> str:
    text: str = parser.dump(config, skip_unset=False, skip_validation=True)  # it was parsed
    return masked_config(repaired(text))  # also where two are compared
