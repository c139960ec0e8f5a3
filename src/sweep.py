"""Search for settings by validation: `python -m src.sweep --help`."""

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from src.engine.console.failure import RUN_ERROR, USER_ERROR, one_line_failures
from src.engine.console.table import entries
from src.engine.console.unattended import unattended
from src.engine.console.verb_parser import VerbParser

if TYPE_CHECKING:
    from src.engine.jobs.group import Group
    from src.search.search import Search
    from src.search.sweep_file import Sweep

DEFAULT = Path(__file__).parents[1] / "configs" / "default.yaml"
_MARK = "# Written by python -m src.sweep"


@unattended()
def main(args: list[str] | None = None) -> None:
    """Train the trials of a sweep that are missing, then say what was found.

    Args:
        args: Words of the command; None takes those of the process.
    """
    given = _parser().parse_args(args)
    with one_line_failures(USER_ERROR, given.debug):
        from src.engine.jobs.jobs import Jobs
        from src.engine.jobs.machine import default_jobs
        from src.search.results import best_trial
        from src.search.sweep_file import option, read_sweep
        from src.search.trials import Trials

        sweep = read_sweep(given.sweep)
        changed = {"trials": given.trials, "storage": given.storage}
        sweep = dataclasses.replace(sweep, **{k: v for k, v in changed.items() if v is not None})
        sweep = _judged(sweep)
        count = default_jobs(given.jobs)
        target = Path("configs") / f"{given.sweep.stem}-best.yaml"
        if target.exists() and not target.read_text().startswith(_MARK):
            raise ValueError(f"{target} is not from a sweep and would be overwritten: rename one")
        group, search = _open(given.group or f"{given.sweep.stem}-sweep", sweep)
        words = _words(sweep)
        plan = Trials(search, group, words, option)
    with one_line_failures(RUN_ERROR, given.debug):
        Jobs(plan, group, count).run()
        print(_conclude(search, group, words, target))
        if best_trial(search) is None:
            raise RuntimeError("no trial was completed")


def _parser() -> VerbParser:
    parser = VerbParser(
        "sweep",
        "Search for settings with Optuna, by validation alone: each trial is a process and a run "
        "of its own, hopeless ones are given up. The same command goes on where it was stopped; "
        "several machines share a database. Ends with configs/NAME-best.yaml.",
    )
    parser.add_argument("sweep", type=Path, help="description, such as configs/sweeps/recipe.yaml")
    parser.add_argument("--jobs", help="trials at once here (default: one on each GPU, else 1)")
    parser.add_argument("--trials", type=int, help="trials in all, instead of the file's")
    parser.add_argument("--storage", help="database, such as postgresql+psycopg://USER@HOST/NAME")
    parser.add_argument("--group", help="name of the sweep and of its runs (default: NAME-sweep)")
    return parser


def _judged(sweep: "Sweep") -> "Sweep":
    """Let each trial keep the state that is best by the sweep's metric, which is made known."""
    from src.engine.records.config_file import flat, read_config
    from src.engine.records.metric import MODES
    from src.search.published import published_by

    config = read_config(Path(sweep.config or DEFAULT), DEFAULT.parent)
    given = {**dict(flat(config)), **dict(flat(sweep.fixed))}
    monitor, mode = given.get("best.monitor"), given.get("best.mode")
    if sweep.metric and sweep.fixed.get("best.monitor", sweep.metric) != sweep.metric:
        raise ValueError(f"fixed best.monitor {monitor} is not the metric, {sweep.metric}")
    if sweep.metric in (None, monitor):
        told = next((best for best in MODES if str(mode).endswith(best)), None)
        sweep = dataclasses.replace(sweep, metric=monitor, mode=sweep.mode or told)
    known, headline = published_by(given)
    sweep = sweep.judged_by(known, headline)
    last = str(mode).startswith("last")
    is_known = sweep.metric in known  # else only the sweep says which value is best
    kept = f"last-{sweep.mode}" if last and not is_known else "last" if last else sweep.mode
    best = {"best.monitor": sweep.metric, "best.mode": kept}
    return dataclasses.replace(sweep, fixed=sweep.fixed | best)


def _open(name: str, sweep: "Sweep") -> "tuple[Group, Search]":
    import socket

    from src.engine.jobs.group import Group
    from src.engine.records.masked_settings import masked_config
    from src.search.search import Search

    group = Group(Path().resolve(), name)
    space = {option: str(where) for option, where in sweep.space.items()}
    config = masked_config(Path(sweep.config or DEFAULT).read_text())
    made_by = {"kind": "sweep", "space": space, "fixed": sweep.fixed, "metric": sweep.metric}
    group.claim(made_by | {"config": config})
    place = f"{socket.gethostname()}:{group.root}"
    return group, Search(name, sweep, group.folder / "trials.journal", place)


def _words(sweep: "Sweep") -> list[str]:
    from src.search.sweep_file import option

    config = [] if sweep.config is None else ["--config", sweep.config]
    return [*config, *(option(name, value) for name, value in sweep.fixed.items())]


def _conclude(search: "Search", group: "Group", words: list[str], target: Path) -> str:
    from src.engine.console.shown import python, shown
    from src.engine.files.atomic_write import write_atomic
    from src.search.results import best_trial, pictures, table, trials_csv

    text = table(search)
    files = {"summary.txt": text.encode(), "trials.csv": trials_csv(search)} | pictures(search)
    for name, content in files.items():
        write_atomic(group.folder / name, content)
    rows = {"files": f"{shown(group.folder)}/{', '.join(files)}"}
    if best := best_trial(search):
        write_atomic(target, _best_config(search, words, f"{group.name}, trial {best.number}"))
        train = f"{python()} -m src.train --config {shown(target)} --seeds 5"
        rows |= {"best": shown(target), "is it better?": train}
        rows["report"] = f"{python()} -m src.report {group.name}"
    return f"{text}\n{entries(rows)}"


def _best_config(search: "Search", words: list[str], what: str) -> bytes:
    """Ask the command of a training for the configuration of the best trial."""
    from src.engine.records.masked_settings import masked_config
    from src.engine.records.metric import number_text
    from src.search.stored_trial import settings
    from src.search.sweep_file import option

    best = search.study.best_trial
    chosen = settings(best, search.sweep.space)
    options = [option(name, value) for name, value in chosen.items()]
    command = [sys.executable, "-m", "src.train", *words, *options, "--print_config=skip_default"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the best configuration cannot be written: {done.stderr.strip()}")
    count = len(search.trials())
    trials = f"{count} trial{'s' * (count != 1)}"
    found = f"{search.metric} {number_text(best.value or 0)}, the best of {trials}"
    head = (
        f"{_MARK}: {what}, {found}.\n# It was chosen by validation; the test set was not looked at."
    )
    return f"{head}\n{masked_config(done.stdout)}".encode()


if __name__ == "__main__":
    main()
