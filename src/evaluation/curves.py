"""What runs have logged, drawn for a page that is light or dark, wide or narrow."""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from src.engine.console.printable import printable
from src.evaluation.section import Section

_PANELS = 3
_SPLIT = re.compile(r"(?:(train|val|test)(?:id|idation|ing)?[/_.-])?(.+)", re.DOTALL)
MARKS = "osD^vPX*"  # one for each run that is told apart; all others are grey
_ROW, _LETTER, _HANDLE = 0.19, 0.08, 0.6  # of a legend [in]
_WIDTH, _HEIGHT = 4.4, 2.9  # as wide as a telephone, where its letters are read as they are [in]
_NOT_OF_A_PAGE = re.compile(r"<metadata>.*?</metadata>|<style.*?</style>", re.DOTALL)
_REPEATED = re.compile(r' id="[\w.]+_\d+"| (?:width|height)="[\d.]+pt"')
Points = Sequence[tuple[int, float]]


@dataclass
class Panel:
    """A metric of all runs, against the step.

    Attributes:
        metric: Its name, without a split.
        svg: Its picture, whose ink has the colour of the text around it.
        notes: What a reader must know of it.
    """

    metric: str
    svg: Markup
    notes: list[str]


def draw_panels(sections: Sequence[Section]) -> list[Panel]:
    """Draw what was logged of training and validation.

    Args:
        sections: The runs.

    Returns:
        A panel for each metric, of the first three; none if nothing was logged.
    """
    panels = []
    for metric, names in _drawn(sections).items():
        text = f"{metric} against the optimizer step, {' and '.join(names)}"
        svg = _svg(_figure(sections, metric, names), text)
        panels.append(Panel(metric, svg, _notes(sections, names)))
    return panels


def _drawn(sections: Sequence[Section]) -> dict[str, dict[str, str]]:
    """Choose what to draw: what was validated, the loss first; else the first of what there is.

    Of each metric it tells the name of the curve by split.
    """
    found: dict[str, dict[str, str]] = {"loss": {}}
    for name in dict.fromkeys(name for each in sections for name in each.curves):
        split, metric = _SPLIT.fullmatch(name).groups()  # type: ignore[union-attr]  # fits any text
        if split != "test" and not metric.endswith("_best"):  # one value, which a table has
            found.setdefault(metric, {})[split or "logged"] = name
    chosen = {metric: names for metric, names in found.items() if "val" in names}
    chosen = {"loss": found["loss"]} | chosen if found["loss"] else chosen
    return dict([*(chosen or {k: v for k, v in found.items() if v}).items()][:_PANELS])


def _notes(sections: Sequence[Section], names: dict[str, str]) -> list[str]:
    """List what the runs say of these curves; of several, which runs say so."""
    runs: dict[str, list[str]] = {}
    for each in sections:
        for name in names.values():
            if note := each.notes.get(name):
                runs.setdefault(f"{name} {note}", []).append(each.name)
    whole = len(sections)
    return [
        note if len(said) == whole else f"{note} ({', '.join(said)})" for note, said in runs.items()
    ]


def _figure(sections: Sequence[Section], metric: str, names: dict[str, str]) -> Figure:
    """Draw one metric of all runs, with a legend below that covers no point."""
    figure = Figure(layout="constrained")
    axes = figure.add_subplot(xlabel="optimizer step")
    axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    axes.set_ylabel(printable(metric), parse_math=False)
    for number, split, run, points in _found(sections, names):
        _draw(axes, points, split, run, number)
    axes.grid(alpha=0.3)
    height = _HEIGHT
    labels = [str(line.get_label()) for line in axes.lines]
    if shown := [label for label in labels if not label.startswith("_")]:
        columns = max(1, int(_WIDTH / (_HANDLE + _LETTER * max(map(len, shown)))))
        height += _ROW * -(-len(shown) // columns)
        legend = figure.legend(loc="outside lower left", ncols=columns, fontsize=9, frameon=False)
        for text in legend.get_texts():
            text.set_parse_math(False)
    figure.set_size_inches(_WIDTH, height)
    return figure


def _found(
    sections: Sequence[Section], names: dict[str, str]
) -> Iterator[tuple[int, str, str, Points]]:
    """Give number, split, run and points of each curve."""
    for number, each in enumerate(sections):
        for split, name in names.items():
            if points := each.curves.get(name):
                yield number, split, each.name if len(sections) > 1 else "", points


def _draw(axes: Axes, points: Points, split: str, run: str, number: int) -> None:
    """Draw a curve; that of a run is known by its mark, too, and a training by its hollow ones."""
    steps, values = zip(*points, strict=True)
    validated, alone = split == "val", len(points) == 1
    colour, mark = f"C{number if run else int(validated)}", "o" if validated or alone else ""
    label = printable(f"{run} {split}").strip()
    if run:
        grey = number >= len(MARKS)
        colour, mark = ("0.6", ",") if grey else (colour, MARKS[number])
        label = f"_{label}" if grey else label  # such a label is in no legend
    axes.plot(
        steps,
        values,
        "--" if validated and not run else "-",
        label=label,
        color=colour,
        linewidth=1.5 if validated or not run else 0.8,
        marker=mark,
        markersize=5,
        markerfacecolor=colour if validated else "none",
        markevery=1 if validated else max(1, len(points) // 5),
        zorder=1.5 if label.startswith("_") else 2,
    )


def _svg(figure: Figure, text: str) -> Markup:
    """Write a figure as a part of a page."""
    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "report"}):  # not random
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    drawn = _NOT_OF_A_PAGE.sub("", buffer.getvalue().partition("<svg ")[2])
    drawn = _REPEATED.sub("", drawn).replace("#000000", "currentColor")
    about = f'<svg role="img" aria-label="{escape(printable(text))}" '
    return Markup(about + drawn)  # Matplotlib escapes its texts
