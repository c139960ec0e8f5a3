"""Pictures of how well each of several classes is found."""

from collections.abc import Mapping

from matplotlib.figure import Figure

_MARKS = {"f1": "o", "precision": ">", "recall": "<"}

Class = Mapping[str, tuple[float | None, float | None, float | None]]


def draw_classes(found: Mapping[str, Class]) -> Figure:
    """Draw F1, precision and recall of each class with their intervals, lowest F1 first.

    Args:
        found: Value, lower and upper end of each measure, by the name of the class; None where
            there is none.

    Returns:
        A figure that no window shows.
    """
    order = sorted(found, key=lambda name: found[name]["f1"][0] or 0)
    figure = Figure(figsize=(6.4, 1.4 + 0.35 * len(order)), dpi=120, layout="constrained")
    axes = figure.add_subplot(title="each class, with 95% intervals")
    for number, (name, mark) in enumerate(_MARKS.items()):
        label: str | None = name.replace("f1", "F1")
        for row, (value, low, high) in enumerate(found[each][name] for each in order):
            if value is None:
                continue
            place = row + 0.22 * (number - 1)
            ends = [[value - low], [high - value]] if low is not None and high is not None else None
            colour = f"C{number}"
            axes.errorbar(value, place, xerr=ends, fmt=mark, color=colour, label=label, ms=4)
            label = None
    axes.set_yticks(range(len(order)), order)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.legend(fontsize=8)
    return figure
