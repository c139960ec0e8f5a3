"""What the runs of one configuration have in common."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from src.statistics.estimate import estimate
from src.statistics.sentence import Scale, describe, describe_power

WORTH = 0.0005  # accuracy; 0.05 points are about what changes of a recipe bring on MNIST
_MEANS = {"test/acc": "test accuracy", "val/acc_best": "val accuracy", "to_target_s": "to target"}


def summarise(name: str, metrics: Sequence[Mapping[str, Any]], wanted: int) -> str:
    """Describe finished runs of one configuration.

    Args:
        name: Name of their group.
        metrics: Figures of each finished run.
        wanted: How many there should be.

    Returns:
        A table: mean, standard deviation, interval, range, seconds, and the runs that a gain needs.
    """
    rows = {"runs": f"{len(metrics)} of {wanted}, group {name}"}
    for metric, what in _MEANS.items():
        values = [each[metric] for each in metrics if each.get(metric) is not None]
        if values:
            scale, found = Scale(metric), estimate(values)
            rows[what] = describe(found, scale)
            if metric == "to_target_s":
                rows[what] += f", of the {found.n} of {len(metrics)} that reached it"
                continue
            rows[f"{what.split()[0]} range"] = (
                f"{scale.value(found.smallest)} to {scale.value(found.largest)}"
            )
            if "power" not in rows and found.n > 1:
                rows["power"] = describe_power(found, WORTH, scale)
    fit = [each["fit_s"] for each in metrics if "fit_s" in each]
    if fit:
        rows["seconds"] = f"{median(fit):.1f} fit (median), {sum(fit):.1f} in all"
    rows["compare"] = f"python -m src.compare {name} OTHER"
    return "\n".join(f"{row:<13}  {text}" for row, text in rows.items())
