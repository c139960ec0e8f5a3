"""Write a page about runs, side by side: `python -m src.report --help`."""

import math
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.engine.console.failure import RUN_ERROR, USER_ERROR, UsageError, one_line_failures
from src.engine.console.table import entries
from src.engine.console.verb_parser import VerbParser

if TYPE_CHECKING:
    from src.engine.jobs.group import Group
    from src.engine.records.run_record import RunRecord
    from src.evaluation.section import GroupSection, Section


def main(args: list[str] | None = None) -> None:
    """Write one HTML file about the runs; those without an evaluation are evaluated first.

    Args:
        args: Words of the command; None takes those of the process.
    """
    given = _parser().parse_args(args)
    with one_line_failures(USER_ERROR, given.debug):
        from src.engine.console.shown import shown
        from src.engine.files.atomic_write import write_atomic
        from src.engine.jobs.samples import find_group
        from src.engine.records.looks import Looks
        from src.engine.records.run_record import RunRecord
        from src.evaluation.page import render
        from src.evaluation.section import SUMMARY

        found = [find_group(word) for word in given.run]
        groups = [group for group in found if group]
        records = [
            _best_of(group) if group else RunRecord.find(word)
            for word, group in zip(given.run, found, strict=True)
        ]
        if given.card and len(records) > 1:
            raise ValueError("--card is of one run: give one")
    with one_line_failures(RUN_ERROR, given.debug):
        if given.card:
            told = Looks([records[0].run.root]).text(records[0].config)
            chosen = f"best by validation of the group {groups[0].name}" if groups else ""
            print(_card(records[0], told, chosen, given.out or Path("card.md")))
            return
        out = given.out or Path("report.html")
        for record in records:
            if record.evaluation(SUMMARY) is None:
                _evaluate(record, given.data_dir, given.trust)
        written = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
        ledgers = {root: Looks([root]) for root in {record.run.root for record in records}}
        looks = [ledgers[record.run.root].text(record.config) for record in records]
        sections = [*map(_section, records, looks)]
        page = render(sections, _default(), written, [*map(_group_section, groups)]).encode()
        write_atomic(out, page)
        print(entries({"report": f"{shown(out)}, {len(page) / 1e3:,.0f} kB"}))


def _parser() -> VerbParser:
    parser = VerbParser(
        "report",
        "Write one self-contained HTML file about runs, side by side: curves, confusion, mistakes, "
        "calibration, configuration, provenance, and the commands to go on.",
    )
    parser.add_argument(
        "run", nargs="+", help="run, `last`: the latest one, or group: its best one"
    )
    parser.add_argument(
        "--card", action="store_true", help="write a model card of one run instead, in Markdown"
    )
    parser.add_argument("--out", type=Path, help="file to write (default: report.html, or card.md)")
    parser.add_argument("--data_dir", help="folder of the data set, where a run is evaluated first")
    parser.add_trust()
    return parser


def _card(record: "RunRecord", looks: str, chosen: str, out: Path) -> str:
    from src.engine.console.shown import shown
    from src.engine.files.atomic_write import write_atomic
    from src.evaluation.card import card

    write_atomic(out, card(record, looks, _default(), chosen).encode())
    return entries({"card": shown(out)})


def _best_of(group: "Group") -> "RunRecord":
    """Find the run of a group that is best by validation."""
    finished = [each for each in group.readable() if each.status == "finished"]
    if not finished:
        raise FileNotFoundError(f"no run of group {group.name} is finished")
    if len(metrics := {each.headline for each in finished}) > 1:
        told = ", ".join(
            sorted(f"{each.name} ({each.mode})" if each else "none" for each in metrics)
        )
        raise ValueError(f"the runs of {group.name} have different metrics, {told}: name one run")
    best = min(finished, key=lambda each: each.rank)
    if math.isinf(best.rank):
        raise ValueError(f"no validation says which run of {group.name} is best: name one run")
    return best


def _group_section(group: "Group") -> "GroupSection":
    from src.evaluation.section import GroupSection
    from src.statistics.seeds import summarise

    summary, members = group.folder / "summary.txt", group.readable()
    done = [record for record in members if record.status == "finished"]
    if (group.folder / "trials.csv").is_file() and summary.is_file():
        text = summary.read_text()  # of a sweep, whose runs are not of one configuration
    else:  # as it is now: runs may have come since the summary
        metrics = [record.metrics for record in done]
        text = summarise(group.name, metrics, len(members), done[-1].headline)
    text += f"\n{entries({'shown here': f'{_best_of(group).name}, the best by validation'})}"
    pictures = [file for file in sorted(group.folder.glob("*.png")) if not file.is_symlink()]
    return GroupSection(group.name, text, pictures)


def _evaluate(record: "RunRecord", data_dir: str | None, trust: str | None) -> None:
    from src.engine.console.note import note

    options = [] if data_dir is None else ["--data_dir", data_dir]
    options += [] if trust is None else ["--trust", trust]
    try:
        _run_verb("evaluate", str(record.checkpoint), *options)
    except UsageError as error:
        reason = str(error).removeprefix("src.evaluate failed: ")
        if not reason.startswith("--split test: "):  # the module itself has no test
            raise
        note(f"{record.name} is shown without an evaluation, {reason}")


def _default() -> dict[str, Any]:
    """Ask the command of a training for the settings that it has if nothing is said."""
    from src.engine.records.config_file import settings

    found = settings(_run_verb("train", "--print_config"))
    found.pop("debug", None)  # no record of a run has it
    return found


def _run_verb(verb: str, *words: str) -> str:
    command = [sys.executable, "-m", f"src.{verb}", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().splitlines() or ["it said nothing"]
        kind = UsageError if done.returncode == USER_ERROR else RuntimeError
        raise kind(f"src.{verb} failed: {reason[-1].removeprefix('error: ')}")
    return done.stdout


def _section(record: "RunRecord", looks: str) -> "Section":
    from src.engine.console.shown import python, shown
    from src.engine.files.arrays import read_arrays
    from src.evaluation.section import SUMMARY, Section

    answers = record.evaluation_dir / "predictions.npz"
    name = shown(record.run.checkpoint_dir)
    verbs = {
        "evaluate": "what it gets right and wrong",
        "predict": "pictures in files",
        "demo": "try it in the browser",
        "export": "for use without this project",
        "reproduce": "train again and compare",
    }
    summary = record.evaluation(SUMMARY)
    classified = "metrics" not in (summary or {"metrics": {}})  # else it knows nothing of images
    if not classified:
        verbs = {verb: what for verb, what in verbs.items() if verb in ("evaluate", "reproduce")}
    commands = {record.run.resume_command: "go on training"}
    for verb, what in verbs.items():
        file = " IMAGE..." if verb == "predict" else ""
        commands[f"{python()} -m src.{verb} {name}{file}"] = what
    return Section(
        f"version_{record.run.version}",
        record.metrics,
        record.settings,
        record.sessions,
        record.curves,
        summary,
        record.evaluation_dir,
        {what: command for command, what in commands.items()},
        looks,
        read_arrays(answers, mistake_image=4)[0] if classified and answers.is_file() else (),
        record.overview.get("curve_notes", {}),
    )


if __name__ == "__main__":
    main()
