"""The parser of small commands; that of a training is LightningCLI's."""

import argparse
import sys
from typing import Any, NoReturn

from typing_extensions import override

from src.engine.console.masked import masked
from src.engine.console.printable import printable


class VerbParser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all of this project are.

    Args:
        verb: Module that is run by `python -m src.<verb>`.
        description: What it does.
        **options: Passed to argparse.
    """

    def __init__(self, verb: str, description: str, **options: Any) -> None:
        prog = f"python -m src.{verb}"
        super().__init__(prog=prog, description=description, allow_abbrev=False, **options)
        self.debug = self.add_argument(
            "--debug", action="store_true", help="show the traceback of a failure"
        )

    def add_trained(self) -> None:
        """Add the arguments of commands that use what a run has learned."""
        self.add_argument(
            "ckpt",
            help="checkpoint, name or folder of a run (its best one), or `last`: the latest run",
        )
        self.add_argument(
            "--data_dir", help="folder of the data set, if it has moved since the training"
        )
        self.add_trust()

    def add_trust(self) -> None:
        """Add the argument of commands that read checkpoints."""
        self.add_argument(
            "--trust",
            metavar="PACKAGE",
            help="your own package that checkpoints may name from now on, or several: A,B",
        )

    @override
    def error(self, message: str) -> NoReturn:
        print(f"error: {printable(masked(message))}; see {self.prog} --help", file=sys.stderr)
        self.exit(2)
