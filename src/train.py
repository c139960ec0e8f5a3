"""Train, test, plot and save a network: `python -m src.train --help`."""

import importlib
import sys
import time
from pathlib import Path

from src.experiment.failure import RUN_ERROR, USER_ERROR, one_line_failures

DEFAULT = Path(__file__).parents[1] / "configs" / "default.yaml"


def main(args: list[str] | None = None) -> None:
    """Train as the command line says, then test the best state and save its network.

    Args:
        args: Words of the command; None takes those of the process.
    """
    started = time.perf_counter()
    words = sys.argv[1:] if args is None else args
    debug = "--debug" in words

    with one_line_failures(USER_ERROR, debug):
        # Imported here so that Ctrl-C while torch loads is as quiet as later.
        from src.experiment.account import Account
        from src.experiment.cli import TrainCLI
        from src.experiment.quiet import silence_known_noise
        from src.experiment.result import finish

        for wing in ("callbacks", "data", "models", "tasks"):
            importlib.import_module(f"src.{wing}")  # a loaded class may be called by its bare name
        silence_known_noise()
        account = Account(started)
        cli = TrainCLI(DEFAULT, words, account)

    with one_line_failures(RUN_ERROR, debug, cli.run if cli.trainer.is_global_zero else None):
        cli.fit()
        cli.test()
        if cli.run and cli.trainer.is_global_zero:
            print(finish(cli, account))


if __name__ == "__main__":
    main()
