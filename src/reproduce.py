"""Run a training again from its checkpoint alone and compare: `python -m src.reproduce --help`."""

import importlib
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from src.engine.console.command_line import split_arguments
from src.engine.console.failure import RUN_ERROR, USER_ERROR, one_line_failures
from src.engine.console.table import entries
from src.engine.console.verb_parser import VerbParser

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

DEFAULT = Path(__file__).parents[1] / "configs" / "default.yaml"


class _Reached(Exception):  # noqa: N818  # no error: the step of the checkpoint was reached
    pass


def main(args: list[str] | None = None) -> None:
    """Train with a checkpoint's configuration to its step, in a new run, and compare both.

    Args:
        args: Words of the command; None takes those of the process.

    Raises:
        SystemExit: With 1, the results differ.
    """
    started = time.perf_counter()
    words = sys.argv[1:] if args is None else args
    given = _parser().parse_args(words[:1])  # the rest is for the parser of a training
    options = [word for word in words[1:] if word != "--debug"]
    debug = len(options) < len(words) - 1
    with one_line_failures(USER_ERROR, debug):
        import torch

        from src.engine.checkpoints.checkpoint_file import read_checkpoint
        from src.engine.checkpoints.consent import trust
        from src.engine.console.quiet import silence_known_noise
        from src.engine.console.shown import shown
        from src.engine.exact.reproduction import report
        from src.engine.exact.resume import Resumed
        from src.engine.files.atomic_write import write_json
        from src.engine.records.totals import Totals
        from src.engine.training.cli import TrainCLI

        for wing in ("callbacks", "data", "models", "tasks"):
            importlib.import_module(f"src.{wing}")
        silence_known_noise()
        trust(split_arguments(options).trust)
        first = Resumed.find(given.ckpt, Path(), options)
        weights = first.checkpoint["provenance"][0]["inputs"].get("weights")
        if weights and not any(word.startswith("--weights") for word in options):
            raise ValueError(
                f"the run started from a file of weights ({weights}): give it with --weights"
            )
        torch.set_num_threads(int(first.checkpoint["provenance"][-1]["inputs"]["threads"]))

        def stop_there(trainer: "Trainer", _: bool) -> None:
            if first.is_reached(trainer):
                cli.last.save(trainer)
                raise _Reached

        totals = Totals(started)
        cli = TrainCLI(DEFAULT, options, totals, repeated=first.trusted, actions=[stop_there])
        if cli.run is None:
            raise ValueError("--trainer.fast_dev_run leaves nothing to compare: leave it out")

    with one_line_failures(RUN_ERROR, debug, cli.run if cli.trainer.is_global_zero else None):
        with suppress(_Reached):
            cli.fit()
        if not cli.trainer.is_global_zero:
            return
        again = cli.run.checkpoint_dir / "last.ckpt"
        reached = read_checkpoint(again)
        figures = {**reached["metrics"], "steps": reached["global_step"]}
        write_json(cli.run.log_dir / "metrics.json", figures)  # says that the run is finished
        same, text = report(first.checkpoint, reached)
        print(text, entries({"compared": f"{shown(first.path)}, {shown(again)}"}), sep="\n")
    sys.exit(0 if same else RUN_ERROR)


def _parser() -> VerbParser:
    parser = VerbParser(
        "reproduce",
        "Train again, in a new run, with the configuration in a checkpoint and up to its step, and "
        "compare weights, optimizer and metrics to the last bit. Options of `python -m src.train`, "
        "such as --data.data_dir, may follow the checkpoint.",
    )
    parser.add_argument("ckpt", help="checkpoint, folder of a run, or `last`: the latest run")
    return parser


if __name__ == "__main__":
    main()
