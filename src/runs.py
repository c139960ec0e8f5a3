"""List, show, compare and remove runs: `python -m src.runs --help`."""

import argparse
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from src.engine.console.failure import RUN_ERROR, USER_ERROR, one_line_failures
from src.engine.console.masked import masked
from src.engine.console.note import note
from src.engine.console.printable import printable
from src.engine.console.shown import python, shown
from src.engine.console.table import entries
from src.engine.console.verb_parser import VerbParser
from src.engine.files.atomic_write import json_text
from src.engine.jobs.samples import different
from src.engine.records.listing import damaged, facts, table
from src.engine.records.run_record import RunRecord, split_inputs


def main(args: list[str] | None = None) -> None:
    """Do what the command says, without torch.

    Args:
        args: Words of the command; None takes those of the process.
    """
    given = _parser().parse_args(args)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no failure
    actions: dict[str, Callable[[Any], str]] = {
        "ls": _list,
        "show": _show,
        "diff": _differences,
        "best": _best,
        "rm": _remove,
    }
    with one_line_failures(USER_ERROR, given.debug):
        text = actions[given.action](given)
    if text:
        print(text)


def _parser() -> VerbParser:
    parser = VerbParser("runs", "List, show, compare and remove the runs in the working directory.")
    actions = parser.add_subparsers(dest="action", required=True, parser_class=_SubParser)
    listing = actions.add_parser("ls", help="all runs, what became of them and what differs")
    listing.add_argument("--sort", choices=("run", "val", "seconds"), default="run")
    show = actions.add_parser("show", help="one run: result, settings, sessions")
    show.add_argument("run", help="name or folder of a run, or `last`")
    differ = actions.add_parser("diff", help="what two runs do not have in common")
    differ.add_argument("first", metavar="A")
    differ.add_argument("second", metavar="B")
    best = actions.add_parser("best", help="the run with the best validation")
    for each in (listing, best):
        each.add_argument("--group", help="only runs of this group")
    for each in (listing, show, differ, best):
        each.add_argument("--format", choices=("text", "json"), default="text")
    remove = actions.add_parser("rm", help="remove runs with all their files; asks first")
    remove.add_argument("run", nargs="+", help="names or folders of runs")
    remove.add_argument("--yes", action="store_true", help="do not ask")
    return parser


class _SubParser(VerbParser):
    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog.removeprefix("python -m src."), "", **options)
        self.debug.default = argparse.SUPPRESS  # else it overrides the word before the action


def _records(group: str | None) -> list[tuple[RunRecord, dict[str, Any]]]:
    """List the runs and what their small files tell; a damaged one does not hide the others."""
    records = []
    for record in RunRecord.all(Path()):
        try:
            records.append((record, facts(record)))
        except (OSError, ValueError) as error:
            note(str(error))
            records.append((record, damaged(record)))
    if group is not None:
        records = [(record, row) for record, row in records if row["group"] == group]
        if not records:
            raise FileNotFoundError(f"--group {group}: no run here belongs to it")
    return records


def _list(given: Any) -> str:
    rows = [row for _, row in _records(given.group)]
    if given.sort == "val":
        rows.sort(key=_from_best)
    elif given.sort == "seconds":
        rows.sort(key=lambda row: (row["fit_s"] is None, row["fit_s"] or 0))
    if given.format == "json":
        return json_text(rows)
    return table(rows) if rows else f"no run in {Path.cwd()}: {python()} -m src.train makes one"


def _from_best(row: dict[str, Any]) -> tuple[str, bool, float]:
    """Order runs of each metric from the best to the worst, and what is not known last."""
    sign = -1 if row["mode"] == "max" else 1
    return row["metric"] or "~", row["val"] is None, sign * (row["val"] or 0)


def _show(given: Any) -> str:
    record = RunRecord.find(given.run)
    content = {**facts(record), "metrics": record.metrics, "settings": record.settings}
    if given.format == "json":
        return json_text(content | {"sessions": record.sessions})
    metrics = entries(dict(sorted(record.metrics.items())))
    lines = [*table([content]).split("\n"), "", *metrics.split("\n"), ""]
    lines += [*(f"{name}: {value}" for name, value in record.settings.items()), ""]
    for session in record.sessions:
        _, inputs = split_inputs(session)
        about = ", ".join(f"{name} {value}" for name, value in inputs.items())
        lines.append(f"{session['began'][:16]} from step {session['from_step']}: {about}")
        lines.append(f"  {session['command']}")
        if carries := session["git"].get("carries") or bool(session["git"]["diff"]) * "some":
            lines.append(f"  its checkpoints carry uncommitted changes: {carries}")
    folders = f"{shown(record.run.log_dir)}, {shown(record.run.checkpoint_dir)}"
    last = entries({"files": folders, "continue": record.run.resume_command})
    lines += ["", *last.split("\n")]
    return masked("\n".join(map(printable, lines)))  # of what older versions recorded, too


def _differences(given: Any) -> str:
    first, second = RunRecord.find(given.first), RunRecord.find(given.second)
    found = {
        "configuration": different(first.settings, second.settings),
        "environment": different(_environment(first), _environment(second)),
        "metrics": different(first.metrics, second.metrics),
    }
    if first.seed != second.seed:
        found["configuration"] = {"seed": (first.seed, second.seed), **found["configuration"]}
    if given.format == "json":
        return json_text(found)
    lines = []
    for part, values in found.items():
        lines.append(f"{part}{'' if values else ': the same'}")
        lines += [f"  {name}: {before} -> {after}" for name, (before, after) in values.items()]
    return "\n".join(map(printable, lines))


def _environment(record: RunRecord) -> dict[str, Any]:
    if not record.sessions:
        return {}
    last = record.sessions[-1]
    git = {"commit": last["git"]["commit"], "uncommitted changes": last["git"]["diff"]}
    return {**git, **last["inputs"], **last["packages"]}


def _best(given: Any) -> str:
    seen = [pair for pair in _records(given.group) if pair[1]["val"] is not None]
    if not seen:
        raise FileNotFoundError("no run here has a metric that was validated")
    if len(metrics := sorted({f"{row['metric']} ({row['mode']})" for _, row in seen})) > 1:
        raise ValueError(
            f"the runs here have different metrics, {', '.join(metrics)}: name a --group of one"
        )
    best, row = min(seen, key=lambda pair: _from_best(pair[1]))
    if given.format == "json":
        return json_text(row)
    return f"{table([row])}\n\nbest of {len(seen)} by validation: {shown(best.checkpoint)}"


def _remove(given: Any) -> str:
    found = [RunRecord.find(word) for word in given.run]
    records = [*{record.run: record for record in found}.values()]
    for record in records:
        _refuse_links(record)
    for record in records:
        if record.run.checkpoint_dir.is_dir():
            record.run.hold()  # none is removed while it is trained, or trained meanwhile
    names = ", ".join(record.name for record in records)
    if not given.yes and not sys.stdin.isatty():
        raise ValueError(f"nobody is here to ask: {names} would be removed with --yes")
    question = f"remove {names} with all records and checkpoints? [y/N] "
    if not given.yes and input(question).lower() != "y":
        return "nothing was removed"
    with one_line_failures(RUN_ERROR, given.debug):
        for record in records:
            for folder in filter(Path.is_dir, (record.run.checkpoint_dir, record.log_dir)):
                shutil.rmtree(folder)
    return f"removed {names}"


def _refuse_links(record: RunRecord) -> None:
    """Refuse to remove what is not in the folders of the run, but where a link leads."""
    for folder in (record.run.checkpoint_dir, record.run.log_dir):
        for path in (folder.parent, folder):
            if path.is_symlink():
                where = "name the run in the folder that it leads to"
                how = "remove the link itself" if path == folder else where
                raise ValueError(f"{shown(path)} is a link, and none is followed: {how}")


if __name__ == "__main__":
    main()
