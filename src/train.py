"""Train, test, plot and save a network: `python -m src.train --help`."""

import importlib
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from src.engine.console.command_line import CommandLine, split_arguments
from src.engine.console.failure import RUN_ERROR, USER_ERROR, one_line_failures
from src.engine.console.unattended import unattended
from src.engine.jobs.group import Group
from src.engine.jobs.orphan import stop_without_parent
from src.engine.training.deferred import deferred

if TYPE_CHECKING:
    from src.engine.jobs.seed_runs import SeedRuns

_QUESTIONS = {"-h", "--help", "--print_config"}  # answered without training
DEFAULT = Path(__file__).parents[1] / "configs" / "default.yaml"


def main(args: list[str] | None = None) -> None:
    """Train as the command line says, then test the best state and save its network.

    Args:
        args: Words of the command; None takes those of the process.
    """
    words = sys.argv[1:] if args is None else args
    asks = not _QUESTIONS.isdisjoint(word.partition("=")[0] for word in words)
    with nullcontext() if asks else unattended():  # an answer that nobody gets has failed
        _train(words, asks)


def _train(words: list[str], asks: bool) -> None:
    started = time.perf_counter()
    debug = "--debug" in words

    stop_without_parent()
    with one_line_failures(USER_ERROR, debug):
        given = split_arguments(words)
        if given.group:
            Group(Path(given.root), given.group)  # refuses a name that cannot be one
        if given.jobs and not given.seeds:
            raise ValueError("--jobs needs --seeds: it is the number of runs at the same time")
        seeds = _seeds(given) if given.seeds and not asks else None
    if seeds:
        _train_seeds(*seeds, debug)
        return
    with one_line_failures(USER_ERROR, debug):
        # Imported here so that Ctrl-C while torch loads is as quiet as later.
        with deferred("torchmetrics", "scipy", "torchvision", "transformers"):
            importlib.import_module("lightning.pytorch")
        from src.engine.checkpoints.consent import trust
        from src.engine.console.quiet import silence_known_noise
        from src.engine.records.totals import Totals
        from src.engine.training.allocator import keep_freed_memory
        from src.engine.training.cli import TrainCLI
        from src.engine.training.requeued import in_this_job
        from src.engine.training.result import finish
        from src.evaluation.classification.tested import outcome

        for wing in ("callbacks", "data", "models", "tasks"):
            importlib.import_module(f"src.{wing}")  # a loaded class may be called by its bare name
        trust(given.trust)
        silence_known_noise()
        keep_freed_memory()
        totals = Totals(started)
        todo = in_this_job(words, given)
        if todo is None:
            return
        cli = TrainCLI(DEFAULT, todo, totals)

    with one_line_failures(RUN_ERROR, debug, cli.run if cli.trainer.is_global_zero else None):
        cli.fit()
        cli.test()
        if cli.run and cli.trainer.is_global_zero:
            print(finish(cli, totals, outcome))


def _seeds(given: CommandLine) -> "tuple[SeedRuns, int]":
    from src.engine.jobs.machine import default_jobs
    from src.engine.jobs.seed_runs import SeedRuns, parse_seeds, seeds_group

    given = given._replace(rest=[word for word in given.rest if word != "--debug"])
    seeds, count = parse_seeds(given.seeds or ""), default_jobs(given.jobs)
    return SeedRuns(seeds_group(given, DEFAULT), seeds, given), count


def _train_seeds(plan: "SeedRuns", count: int, debug: bool) -> None:
    """Train once for each seed, then say what the runs have in common."""
    from src.engine.files.atomic_write import write_atomic
    from src.engine.jobs.jobs import Jobs
    from src.engine.jobs.samples import refuse_mixture

    with one_line_failures(RUN_ERROR, debug):
        Jobs(plan, plan.group, count).run()
        from src.statistics.seeds import summarise

        if records := [*plan.finished().values()]:
            refuse_mixture(plan.group.name, records)
            metrics = [record.metrics for record in records]
            text = summarise(plan.group.name, metrics, plan.total(), records[-1].headline)
            write_atomic(plan.group.folder / "summary.txt", text.encode())
            print(text)
    if plan.failed:
        sys.exit(RUN_ERROR)


if __name__ == "__main__":
    main()
