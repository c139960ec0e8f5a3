"""What the runs of one configuration have in common."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from src.engine.console.table import entries
from src.engine.records.metric import Metric, is_tested
from src.statistics.estimate import estimate
from src.statistics.sentence import Scale, describe, describe_power

_TO_TARGET = Metric("to_target_s", "min")
WORTH = 0.0005  # of a share: 0.05 points are about what changes of a recipe bring on MNIST


def worth_knowing(metric: Metric | str) -> float | None:
    """Tell which difference of a metric is worth knowing, if the user does not say.

    Args:
        metric: The metric, or its name alone.

    Returns:
        The difference of a share; None of anything else, whose size nobody here knows.
    """
    return WORTH if isinstance(metric, Metric) and metric.format == "percent" else None


def summarise(
    name: str, metrics: Sequence[Mapping[str, Any]], wanted: int, headline: Metric | None
) -> str:
    """Describe finished runs of one configuration.

    Args:
        name: Name of their group.
        metrics: Figures of each finished run.
        wanted: How many there should be.
        headline: Metric of the validation that chooses the best state; None if there is none.

    Returns:
        A table: mean, standard deviation, interval, range, seconds, and the runs that a gain needs.
    """
    rows = {"runs": f"{len(metrics)} of {wanted}, group {name}"}
    for metric, what in _described(metrics, headline).items():
        values = [each[metric.name] for each in metrics if each.get(metric.name) is not None]
        if values:
            scale, found = Scale(metric, _samples(metrics, metric), values), estimate(values)
            rows[what] = describe(found, scale)
            if metric.name == _TO_TARGET.name:
                rows[what] += f", of the {found.n} of {len(metrics)} that reached it"
                continue
            if found.n < len(metrics):
                infinite = any(
                    metric.name in each for each in metrics if each.get(metric.name) is None
                )
                which = "where it is finite" if infinite else "that have one"
                rows[what] += f", of the {found.n} of {len(metrics)} runs {which}"
            if found.smallest < found.largest:
                ends = map(scale.value, (found.smallest, found.largest))
                rows[f"{what} range"] = " to ".join(ends)
            worth = worth_knowing(metric)
            if "power" not in rows and found.n > 1 and worth:
                rows["power"] = describe_power(found, worth, scale)
    fit = [each["fit_s"] for each in metrics if each.get("fit_s") is not None]
    if fit:
        rows["seconds"] = f"{median(fit):.1f} fit (median), {sum(fit):.1f} in all"
    rows["compare"] = f"python -m src.compare {name} OTHER"
    return entries(rows)


def _described(metrics: Sequence[Mapping[str, Any]], headline: Metric | None) -> dict[Metric, str]:
    """List what is described: the headline in test and validation, else whatever was tested."""
    tested = sorted(filter(is_tested, {name for each in metrics for name in each}))
    named = {Metric(name, "max"): name for name in tested}
    if headline is not None:
        if headline.tested.name in tested:
            named = {headline.tested: headline.tested.name}
        named[headline._replace(name=f"{headline.name}_best")] = headline.name
    return named | {_TO_TARGET: "to target"}


def _samples(metrics: Sequence[Mapping[str, Any]], metric: Metric) -> int | None:
    """Count the samples that a metric of the test is a share of, where all runs have as many."""
    counts = {each.get("test_samples") for each in metrics}
    return counts.pop() if len(counts) == 1 and metric.name.startswith("test") else None
