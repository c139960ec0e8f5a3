"""One page about one or several runs, whole in one file."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
from markupsafe import Markup

from src.engine.console.printable import printable
from src.engine.records.metric import NOT_FINITE, is_tested, number_text
from src.evaluation.curves import MARKS, draw_panels
from src.evaluation.section import GroupSection, Section

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
    made = jinja2.Environment(
        loader=loader, autoescape=True, finalize=_text, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["digest"] = _digest
    page = made.get_template(_TEMPLATE)
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
        panels=draw_panels(sections),
        told_apart=len(MARKS),
        changed=changed,
        default=default,
        written=written,
    )


def _text(value: Any) -> str:
    """Write a value of the page, before it is escaped, unless it is of the page itself."""
    return value if isinstance(value, Markup) else printable(str(value))


def _digest(script: str) -> str:
    """Name a script as a policy does that allows it alone."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


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
