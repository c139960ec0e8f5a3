"""One page about one or several runs, whole in one file."""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from src.engine.console.printable import printable
from src.engine.records.metric import NOT_FINITE, is_tested, number_text
from src.evaluation.picture import data_address
from src.evaluation.section import GroupSection, Section

_PANELS = 3
_SPLIT = re.compile(r"(?:(train|val|test)(?:id|idation|ing)?[/_.-])?(.+)", re.DOTALL)
Points = Sequence[tuple[int, float]]
_TEMPLATE = "report.html"


def render(
    sections: Sequence[Section],
    default: Mapping[str, Any],
    written: str,
    groups: Sequence[GroupSection] = (),
) -> str:
    """Make the page.

    Args:
        sections: The runs.
        default: Settings that a run has if nothing is said.
        written: When it is written.
        groups: Groups that they are from.

    Returns:
        HTML that needs no other file.
    """
    loader = jinja2.PackageLoader("src.evaluation", ".")
    page = jinja2.Environment(
        loader=loader, autoescape=True, finalize=_text, trim_blocks=True, lstrip_blocks=True
    ).get_template(_TEMPLATE)
    names = [*default, *(name for each in sections for name in each.settings)]
    changed = [
        name
        for name in dict.fromkeys(names)
        if any(each.settings.get(name) != default.get(name) for each in sections)
    ]
    return page.render(
        runs=sections,
        groups=groups,
        overview=_overview(sections),
        curves=_curves(sections),
        changed=changed,
        default=default,
        written=written,
    )


def _text(value: Any) -> str:
    """Write a value of the page, before it is escaped, unless it is of the page itself."""
    return value if isinstance(value, Markup) else printable(str(value))


def _overview(sections: Sequence[Section]) -> dict[str, list[str]]:
    """List what is compared first, row by row; rows that no run has are left out."""
    rows: dict[str, list[str]] = {}
    for each in sections:
        for name, text in _facts(each).items():
            rows.setdefault(name, []).append(text)
    return {name: texts for name, texts in rows.items() if any(texts)}


def _facts(each: Section) -> dict[str, str]:
    metrics, summary = each.metrics, each.summary or {}
    inputs = each.sessions[-1]["inputs"] if each.sessions else {}
    git = each.sessions[-1]["git"] if each.sessions else {}
    changes = " and uncommitted changes" if git.get("status") else ""
    calibrated = summary.get("calibrated", {})
    return {
        "Test accuracy": _share(summary.get("accuracy")),
        "… where the label is undisputed": _share(summary.get("undisputed")),
        "Looks at the test set": each.looks,
        **_best(each),
        "Test loss": _value(summary.get("loss")),
        "… calibrated": _value(calibrated.get("loss")),
        "Calibration error (ECE)": _number(summary.get("ece"), ".4f"),
        "… calibrated ": _number(calibrated.get("ece"), ".4f"),
        "Temperature, fitted on val": _number(summary.get("temperature"), ".3f"),
        "Epochs": _number(metrics.get("epochs"), ",.0f"),
        "Steps": _number(metrics.get("steps"), ",.0f"),
        "Training": _number(metrics.get("fit_s"), ".1f", " s"),
        "To the target": _number(metrics.get("to_target_s"), ".1f", " s"),
        "Samples per second": _number(metrics.get("train/samples_per_s"), ",.0f"),
        "Peak memory": _number(metrics.get("memory_mib"), ",.0f", " MiB"),
        "Peak GPU memory": _number(metrics.get("gpu_memory_mib"), ",.0f", " MiB"),
        "Device": str(inputs.get("device", "")),
        "Commit": f"{git['commit'][:10]}{changes}" if git.get("commit") else "",
        "Began": str(each.sessions[0]["began"])[:16].replace("T", " ") if each.sessions else "",
    }


def _best(each: Section) -> dict[str, str]:
    """Name the best validation, and the whole test where it is not that of a classification."""
    metrics = each.metrics
    kept = "Last" if str(each.settings.get("best.mode")).startswith("last") else "Best"
    names = {
        f"{kept} {name.removesuffix('_best')}": name for name in metrics if name.endswith("_best")
    }
    if "accuracy" not in (each.summary or {}):
        names |= {name: name for name in sorted(metrics) if is_tested(name)}
    return {head: _value(metrics[name]) or NOT_FINITE for head, name in names.items()}


def _share(found: dict[str, Any] | None) -> str:
    if not found:
        return ""
    low, high = found["interval"]
    return f"{found['share']:.2%} (95% interval {low:.2%} to {high:.2%}, n = {found['images']:,})"


def _value(value: float | None) -> str:
    return "" if value is None else number_text(value)


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "" if value is None else f"{value:{form}}{unit}"


def _drawn(sections: Sequence[Section]) -> dict[str, dict[str, str]]:
    """Choose what to draw: what was validated, the loss first; else the first of what there is.

    Of each metric it tells the name of the curve by split.
    """
    found: dict[str, dict[str, str]] = {"loss": {}}
    for name in dict.fromkeys(name for each in sections for name in each.curves):
        split, metric = _SPLIT.fullmatch(name).groups()  # type: ignore[union-attr]  # fits any text
        if split != "test":
            found.setdefault(metric, {})[split or "logged"] = name
    chosen = {metric: names for metric, names in found.items() if "val" in names}
    chosen = {"loss": found["loss"]} | chosen if found["loss"] else chosen
    return dict([*(chosen or {k: v for k, v in found.items() if v}).items()][:_PANELS])


def _curves(sections: Sequence[Section]) -> str:
    """Draw what was logged of training and validation, all runs in one picture."""
    metrics = _drawn(sections)
    if not metrics:
        return ""
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    for column, (metric, names) in enumerate(metrics.items()):
        axes = figure.add_subplot(1, len(metrics), column + 1, xlabel="step")
        axes.set_title(printable(metric), parse_math=False)
        for number, each in enumerate(sections):
            for split, name in names.items():
                if points := each.curves.get(name):
                    _draw(axes, points, split, each.name if len(sections) > 1 else "", number)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return data_address("image/svg+xml", buffer.getvalue())


def _draw(axes: Axes, points: Points, split: str, run: str, number: int) -> None:
    colour = number if run else int(split == "val")
    shade = 0.5 if run and split != "val" else 1
    style = "o--" if split == "val" else "-"
    steps, values = zip(*points, strict=True)
    axes.plot(steps, values, style, label=f"{run} {split}".strip(), color=f"C{colour}", alpha=shade)
