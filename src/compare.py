"""Say whether one configuration is better than another: `python -m src.compare --help`."""

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.engine.console.failure import RUN_ERROR, USER_ERROR, one_line_failures
from src.engine.console.table import entries, table
from src.engine.console.verb_parser import VerbParser

if TYPE_CHECKING:
    from src.engine.jobs.samples import RunSet
    from src.engine.records.metric import Metric, Mode
    from src.statistics.comparison import Comparison, Sample
    from src.statistics.sentence import Scale

_MODES: dict[str, "Mode"] = {"lower": "min", "higher": "max"}


def main(args: list[str] | None = None) -> None:
    """Compare groups of runs, or single runs, with the first one.

    Args:
        args: Words of the command; None takes those of the process.
    """
    given = _parser().parse_args(args)
    with one_line_failures(USER_ERROR, given.debug):
        from src.engine.jobs.samples import RunSet, count_tested, warn_of_differences
        from src.statistics.sentence import Scale

        if given.claim:
            print(_claim(given))
            return
        if given.seeds or given.alpha:
            raise ValueError("--seeds and --alpha are of a claim: give --claim, too")
        if len(given.what) < 2:  # noqa: PLR2004  # a comparison is of two
            raise ValueError("give two groups or runs, or more: the others are compared with A")
        if given.difference is not None and not 0 < given.difference < math.inf:
            raise ValueError(f"--difference must be a number above 0, got {given.difference}")
        sets = [RunSet.find(word) for word in given.what]
        runs = [record.run for each in sets for record in each.records.values()]
        if len(set(runs)) < len(runs):
            raise ValueError("a run is given twice, by itself or in a group")
        metric = _directed(_metric(sets, given.metric), given.better)
        name = metric if isinstance(metric, str) else metric.name
        tested, samples = count_tested(sets, name), _samples(sets, name)
        scale = Scale(metric, tested, [value for each in samples for value in each.values.values()])
        warn_of_differences(sets, name)
        claims = _claims(sets, samples, name, scale)
    with one_line_failures(RUN_ERROR, given.debug):
        from src.engine.console.shown import shown
        from src.engine.files.atomic_write import json_text, write_atomic
        from src.statistics.comparison import compare
        from src.statistics.seeds import worth_knowing

        wanted = given.difference
        worth = worth_knowing(metric) if wanted is None else wanted / scale.factor
        comparisons = compare(samples, worth)
        write_atomic(given.out, _picture(samples, comparisons, name, scale))
        if given.format == "json":
            content = _content(sets, samples, comparisons, name, scale)
            print(json_text(content | {"claims": claims}))
        else:
            print(_table(sets, samples, comparisons, name, scale))
            print("\n".join([*claims, entries({"picture": shown(given.out)})]))


def _parser() -> VerbParser:
    parser = VerbParser(
        "compare",
        "Compare configurations by their runs: means with intervals, a t-test (paired where seeds "
        "are shared, corrected for several comparisons), the same test samples answered "
        "by both (bootstrap, McNemar), and a plain sentence.",
    )
    parser.add_argument(
        "what", nargs="+", metavar="A B", help="groups or runs; the others are compared with A"
    )
    parser.add_argument(
        "--metric", help="figure of metrics.json (default: the headline metric in the test)"
    )
    parser.add_argument(
        "--better",
        choices=[*_MODES],
        help="which value of --metric is better, where no run says so",
    )
    parser.add_argument(
        "--difference",
        type=float,
        help="difference worth knowing, for the number of seeds that it needs; of shares in "
        "points (default of these: 0.05)",
    )
    parser.add_argument(
        "--claim",
        help="write down, before the runs, what they shall show, such as 'B beats A by 0.1' "
        "(of shares in points), with --metric, --better and --seeds; a later comparison of these "
        "groups says whether it holds",
    )
    parser.add_argument("--seeds", type=int, help="runs of each group that a claim plans")
    parser.add_argument("--alpha", type=float, help="error of a claim (default: 0.05)")
    parser.add_argument("--out", type=Path, default=Path("compare.png"), help="picture to write")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    return parser


def _claim(given: Any) -> str:
    """Write down a claim on groups that have no run yet."""
    from src.engine.console.shown import shown
    from src.engine.jobs.group import Group
    from src.engine.records.metric import figure_of
    from src.engine.records.provenance import SOURCE, code_state
    from src.statistics.claim import Claim, claims_on, parse_claim, together

    better, other, margin = parse_claim(given.claim)
    if {*given.what} != {better, other}:
        raise ValueError(f"--claim is on {other} and {better}: give these two")
    if not given.metric or not given.seeds:
        raise ValueError("a claim needs --metric, such as test/acc, and --seeds, the runs of each")
    metric = _directed(figure_of(given.metric) or given.metric, given.better)
    if isinstance(metric, str):
        raise ValueError(f"a claim says which {metric} is better: --better lower or higher")
    for name in (other, better):
        if Group(Path(), name).members():
            raise ValueError(f"{name} has runs already: a claim comes before them")
    commit = code_state(SOURCE)["commit"]
    alpha = 0.05 if given.alpha is None else given.alpha
    claim = Claim(
        better, other, margin, metric.name, metric.mode, given.seeds, alpha, commit=commit
    )
    if claim.file.exists():
        raise ValueError(f"{shown(claim.file)} is there already: a claim is not changed")
    claim.write()
    lines = [entries({"claim": claim.text, "file": shown(claim.file)})]
    return "\n".join(filter(None, [*lines, together(claims_on([other, better]))]))


def _claims(
    sets: "list[RunSet]", samples: "list[Sample]", metric: str, scale: "Scale"
) -> list[str]:
    """Judge the claims on what is compared; one on another metric is only named."""
    from src.statistics.claim import claims_on, together, verdict

    claims = claims_on([each.name for each in sets])
    judged = [
        verdict(claim, sets, samples, scale)
        if claim.metric == metric
        else entries({"claim": f"not judged, for this compares {metric}: {claim.text}"})
        for claim in claims
    ]
    return [*judged, *filter(None, [together(claims)])]


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
    shares = [metric for metric in known if metric.format == "percent"]  # older runs do not tell
    return [*shares, *known, *found][0]


def _directed(metric: "Metric | str", better: str | None) -> "Metric | str":
    """Take the user's word for a metric that does not speak for itself."""
    from src.engine.records.metric import Metric, ends

    if better is None:
        return metric
    if isinstance(metric, str):
        return Metric(metric, _MODES[better])
    if metric.mode != _MODES[better]:
        raise ValueError(f"--better {better}: of {metric.name} the {ends(metric.mode)[0]} is best")
    return metric


def _samples(sets: "list[RunSet]", metric: str) -> "list[Sample]":
    from src.engine.console.note import note
    from src.statistics.answers import read_answers
    from src.statistics.comparison import Sample

    answers = [read_answers(each.records, metric) for each in sets]
    if len({one.true.tobytes() for found in answers for one in found.values()}) > 1:
        raise ValueError("the runs were tested on different samples: nothing can be compared")
    machines = {each.machines() for each in sets}
    if metric.endswith("_s") and len(machines) > 1:
        note(f"seconds on different machines are compared: {' / '.join(sorted(machines))}")
    return [
        Sample(each.name, each.values(metric), found)
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
        interval = f"{scale.value(found.low)} to {scale.value(found.high)}"
        few = found.n < 3 or found.sd == 0  # noqa: PLR2004  # an sd of two or of equals is none
        fit = [one.metrics["fit_s"] for one in each.records.values() if one.metrics.get("fit_s")]
        cells = [
            sample.name,
            str(found.n),
            scale.value(found.mean),
            "" if few else scale.value(found.sd),
            "" if math.isnan(found.low) else interval,
            scale.value(found.smallest),
            scale.value(found.largest),
            f"{median(fit):.1f} s" if fit else "",
        ]
        rows.append(cells)
    lines = [table(rows, "lrrrrrrr")]
    for comparison in comparisons:
        effect, kind = comparison.effect, "d_z" if comparison.paired else "d"
        effect = abs(effect) if comparison.distinguishable else effect  # as the sentence says it
        text = "" if math.isnan(effect) else f" Effect size {kind} = {effect:.2f}."
        lines.append(f"\n{conclude(comparison, scale)}{text}")
    if len(comparisons) > 1:
        lines.append("\nIntervals and p over seeds hold for all comparisons together (Bonferroni).")
    return "\n".join([*lines, "", entries({"looks": _looks(sets)})])


def _looks(sets: "list[RunSet]") -> str:
    from src.engine.records.looks import Looks

    return Looks(record.run.root for each in sets for record in each.records.values()).text()


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
            **estimate([*sample.values.values()])._asdict(),
        }
        for each, sample in zip(sets, samples, strict=True)
    ]
    compared = [
        dataclasses.asdict(each)
        | {"images": each.images._asdict() if each.images else None, "effect": each.effect}
        | {"distinguishable": each.distinguishable, "sentence": conclude(each, scale)}
        for each in comparisons
    ]
    return {
        "metric": metric,
        "best": scale.mode,
        "groups": groups,
        "comparisons": compared,
        "looks_at_test": _looks(sets),
    }


if __name__ == "__main__":
    main()
