"""Say whether one configuration is better than another: `python -m src.compare --help`."""

import dataclasses
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.engine.console.failure import RUN_ERROR, USER_ERROR, one_line_failures
from src.engine.console.table import entries, table
from src.engine.console.verb_parser import VerbParser

if TYPE_CHECKING:
    from src.engine.jobs.samples import RunSet
    from src.engine.records.metric import Metric
    from src.statistics.comparison import Comparison, Sample
    from src.statistics.sentence import Scale


def main(args: list[str] | None = None) -> None:
    """Compare groups of runs, or single runs, with the first one.

    Args:
        args: Words of the command; None takes those of the process.
    """
    given = _parser().parse_args(args)
    with one_line_failures(USER_ERROR, given.debug):
        from src.engine.jobs.samples import RunSet

        if len(given.what) < 2:  # noqa: PLR2004  # a comparison is of two
            raise ValueError("give two groups or runs, or more: the others are compared with A")
        if given.difference is not None and not given.difference > 0:
            raise ValueError(f"--difference must be above 0, got {given.difference}")
        sets = [RunSet.find(word) for word in given.what]
        runs = [record.run for each in sets for record in each.records.values()]
        if len(set(runs)) < len(runs):
            raise ValueError("a run is given twice, by itself or in a group")
        metric = _metric(sets, given.metric)
        samples = _samples(sets, metric if isinstance(metric, str) else metric.name)
    with one_line_failures(RUN_ERROR, given.debug):
        from src.engine.console.shown import shown
        from src.engine.files.atomic_write import write_atomic
        from src.statistics.comparison import compare
        from src.statistics.seeds import worth_knowing
        from src.statistics.sentence import Scale

        scale, name = Scale(metric), metric if isinstance(metric, str) else metric.name
        wanted = given.difference
        worth = worth_knowing(metric) if wanted is None else wanted / scale.factor
        comparisons = compare(samples, worth)
        write_atomic(given.out, _picture(samples, comparisons, name, scale))
        if given.format == "json":
            print(json.dumps(_content(sets, samples, comparisons, name, scale), indent=2))
        else:
            print(_table(sets, samples, comparisons, name, scale))
            print(entries({"picture": shown(given.out)}))


def _parser() -> VerbParser:
    parser = VerbParser(
        "compare",
        "Compare configurations by their runs: means with intervals, a t-test (paired where seeds "
        "are shared, corrected for several comparisons), the same test images answered "
        "by both (bootstrap, McNemar), and a plain sentence.",
    )
    parser.add_argument(
        "what", nargs="+", metavar="A B", help="groups or runs; the others are compared with A"
    )
    parser.add_argument(
        "--metric", help="figure of metrics.json (default: the headline metric in the test)"
    )
    parser.add_argument(
        "--difference",
        type=float,
        help="difference worth knowing, for the number of seeds that it needs; of shares in "
        "points (default of these: 0.05)",
    )
    parser.add_argument("--out", type=Path, default=Path("compare.png"), help="picture to write")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    return parser


def _metric(sets: "list[RunSet]", name: str | None) -> "Metric | str":
    found = [each.metric(name) for each in sets]
    known = [metric for metric in found if not isinstance(metric, str)]
    names = {metric if isinstance(metric, str) else metric.name for metric in found}
    if len(names) > 1 or len({metric.mode for metric in known}) > 1:
        told = ", ".join(
            f"{each.name} by {metric if isinstance(metric, str) else f'{metric[0]} ({metric[1]})'}"
            for each, metric in zip(sets, found, strict=True)
        )
        raise ValueError(f"these are not judged by one metric: {told}; give --metric")
    return known[0] if known else found[0]


def _samples(sets: "list[RunSet]", metric: str) -> "list[Sample]":
    from src.engine.console.note import note
    from src.statistics.answers import read_answers
    from src.statistics.comparison import Sample

    answers = [read_answers(each.records) if metric == "test/acc" else {} for each in sets]
    if len({label.tobytes() for found in answers for _, label in found.values()}) > 1:
        raise ValueError("the runs were tested on different images: nothing can be compared")
    machines = {each.machines() for each in sets}
    if metric.endswith("_s") and len(machines) > 1:
        note(f"seconds on different machines are compared: {' / '.join(sorted(machines))}")
    return [
        Sample(
            each.name,
            each.values(metric),
            {seed: said == label for seed, (said, label) in found.items()},
        )
        for each, found in zip(sets, answers, strict=True)
    ]


def _picture(
    samples: "list[Sample]", comparisons: "list[Comparison]", metric: str, scale: "Scale"
) -> bytes:
    import io

    from src.statistics.figure import draw_comparison

    buffer = io.BytesIO()
    draw_comparison(samples, comparisons, metric, scale).savefig(buffer, format="png")
    return buffer.getvalue()


def _table(
    sets: "list[RunSet]",
    samples: "list[Sample]",
    comparisons: "list[Comparison]",
    metric: str,
    scale: "Scale",
) -> str:
    from statistics import median

    from src.statistics.estimate import estimate
    from src.statistics.sentence import conclude

    rows = [[metric, "n", "mean", "sd", "95% interval", "lowest", "highest", "fit"]]
    for each, sample in zip(sets, samples, strict=True):
        found = estimate([*sample.values.values()])
        interval = f"{scale.value(found.low)} - {scale.value(found.high)}"
        single = found.n == 1
        fit = median(record.metrics.get("fit_s") or math.nan for record in each.records.values())
        cells = [
            sample.name,
            str(found.n),
            scale.value(found.mean),
            "" if single else scale.value(found.sd),
            "" if single else interval,
            scale.value(found.smallest),
            scale.value(found.largest),
            f"{fit:.1f} s",
        ]
        rows.append(cells)
    lines = [table(rows, "lrrrrrrr")]
    for comparison in comparisons:
        effect, kind = comparison.effect, "d_z" if comparison.paired else "d"
        text = "" if math.isnan(effect) else f" Effect size {kind} = {effect:.2f}."
        lines.append(f"\n{conclude(comparison, scale)}{text}")
    if len(comparisons) > 1:
        lines.append("\nIntervals and p over seeds hold for all comparisons together (Bonferroni).")
    return "\n".join([*lines, "", entries({"looks": _looks(sets)})])


def _looks(sets: "list[RunSet]") -> str:
    from src.engine.records.ledger import counted, looks

    roots = {record.run.root for each in sets for record in each.records.values()}
    return counted([look for root in sorted(roots) for look in looks(root)])


def _content(
    sets: "list[RunSet]",
    samples: "list[Sample]",
    comparisons: "list[Comparison]",
    metric: str,
    scale: "Scale",
) -> dict[str, Any]:
    from src.statistics.estimate import estimate
    from src.statistics.sentence import conclude

    groups = [
        {
            "name": sample.name,
            "runs": {seed: record.name for seed, record in each.records.items()},
            "values": sample.values,
            **_plain(estimate([*sample.values.values()])._asdict()),
        }
        for each, sample in zip(sets, samples, strict=True)
    ]
    compared = [
        _plain(dataclasses.asdict(each))
        | {"images": _plain(each.images._asdict()) if each.images else None}
        | _plain({"effect": each.effect})
        | {"distinguishable": each.distinguishable, "sentence": conclude(each, scale)}
        for each in comparisons
    ]
    return {
        "metric": metric,
        "groups": groups,
        "comparisons": compared,
        "looks_at_test": _looks(sets),
    }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Write what is not a number as JSON can."""
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in values.items()
    }


if __name__ == "__main__":
    main()
