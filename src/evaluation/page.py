"""One page about one or several runs, whole in one file."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
from markupsafe import Markup
from matplotlib.figure import Figure

from src.evaluation.picture import data_address
from src.evaluation.section import GroupSection, Section
from src.printable import printable

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
        glance=_glance(sections),
        curves=_curves(sections),
        changed=changed,
        default=default,
        written=written,
    )


def _text(value: Any) -> str:
    """Write a value of the page, before it is escaped, unless it is of the page itself."""
    return value if isinstance(value, Markup) else printable(str(value))


def _glance(sections: Sequence[Section]) -> dict[str, list[str]]:
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
        "Best val/acc": _number(metrics.get("val/acc_best"), ".4f"),
        "Test loss": _number(summary.get("loss"), ".4f"),
        "… calibrated": _number(calibrated.get("loss"), ".4f"),
        "Calibration error (ECE)": _number(summary.get("ece"), ".4f"),
        "… calibrated ": _number(calibrated.get("ece"), ".4f"),
        "Temperature, fitted on val": _number(summary.get("temperature"), ".3f"),
        "Epochs": _number(metrics.get("epochs"), ",.0f"),
        "Steps": _number(metrics.get("steps"), ",.0f"),
        "Training": _number(metrics.get("fit_s"), ".1f", " s"),
        "To the target": _number(metrics.get("to_target_s"), ".1f", " s"),
        "Images per second": _number(metrics.get("train/samples_per_s"), ",.0f"),
        "Peak memory": _number(metrics.get("memory_mib"), ",.0f", " MiB"),
        "Peak GPU memory": _number(metrics.get("gpu_memory_mib"), ",.0f", " MiB"),
        "Device": str(inputs.get("device", "")),
        "Commit": f"{git['commit'][:10]}{changes}" if git.get("commit") else "",
        "Began": str(each.sessions[0]["began"])[:16].replace("T", " ") if each.sessions else "",
    }


def _share(found: dict[str, Any] | None) -> str:
    if not found:
        return ""
    low, high = found["interval"]
    return f"{found['share']:.2%} (95% interval {low:.2%} to {high:.2%}, n = {found['images']:,})"


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "" if value is None else f"{value:{form}}{unit}"


def _curves(sections: Sequence[Section]) -> str:
    """Draw loss and accuracy of all runs into one picture."""
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    for column, (metric, title) in enumerate([("loss", "loss"), ("acc", "accuracy")]):
        axes = figure.add_subplot(1, 2, column + 1, title=title, xlabel="step")
        for number, each in enumerate(sections):
            for split, style in [("train", "-"), ("val", "o--")]:
                if points := each.curves.get(f"{split}/{metric}"):
                    name = f"{each.name} {split}" if len(sections) > 1 else split
                    shade = 1 if split == "val" or len(sections) == 1 else 0.5
                    colour = number if len(sections) > 1 else ("train", "val").index(split)
                    steps, values = zip(*points, strict=True)
                    axes.plot(steps, values, style, label=name, color=f"C{colour}", alpha=shade)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return data_address("image/svg+xml", buffer.getvalue())
