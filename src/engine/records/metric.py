"""The metric that a run is judged by."""

import re
from typing import Literal, NamedTuple

Mode = Literal["max", "min"]
NOT_FINITE = "not finite"  # where a figure is null
MODES: tuple[Mode, ...] = ("max", "min")
Format = Literal["percent", "number"]

# Which value of each figure that a run itself writes is best; None: neither.
FIGURES: dict[str, Mode | None] = {
    **dict.fromkeys(("startup_s", "fit_s", "test_s", "memory_mib", "gpu_memory_mib"), "min"),
    **dict.fromkeys(("to_target_s", "to_target_steps", "to_target_samples"), "min"),
    "train/samples_per_s": "max",
    **dict.fromkeys(("steps", "epochs", "test_samples")),
}
_PLAIN = 0.01, 1000.0  # between these, four decimals show a number well
_VALIDATION = re.compile(r"^val(id|idation)?(?=[/_.-])")


class Metric(NamedTuple):
    """A metric: how it is called, which of its values is best, and how they are written.

    Attributes:
        name: As it is logged, such as `val/acc`; a task publishes it without the split, as `acc`.
        mode: Whether the highest or the lowest value is best.
        format: `percent` for shares in `[0, 1]`.
    """

    name: str
    mode: Mode
    format: Format = "number"

    def of(self, split: str) -> "Metric":
        """Name it as it is logged of a split.

        Args:
            split: `train`, `val` or `test`.

        Returns:
            The metric of that split.
        """
        return self._replace(name=f"{split}/{self.name}")

    @property
    def tested(self) -> "Metric":
        """The same metric of the test, by its name in the validation."""
        return self._replace(name=test_name(self.name))

    def text(self, value: float) -> str:
        """Write a value.

        Args:
            value: What to write.

        Returns:
            Such as `99.31%` or `0.0213`.
        """
        return f"{value:.2%}" if self.format == "percent" else number_text(value)

    def better(self, value: float, other: float) -> bool:
        """Tell whether a value is better than another one, or as good.

        Args:
            value: A value.
            other: Another one.

        Returns:
            True if it is.
        """
        return value >= other if self.mode == "max" else value <= other


def number_text(value: float) -> str:
    """Write a number of any size, so that a small one is not rounded to 0.

    Args:
        value: What to write.

    Returns:
        Such as `0.0213`, `1.2346e-06` or `53210`.
    """
    plain = value == 0 or _PLAIN[0] <= abs(value) < _PLAIN[1]
    return f"{value:.4f}" if plain else f"{value:.5g}"


def ends(mode: Mode) -> tuple[str, str]:
    """Name the best and the worst value of a metric.

    Args:
        mode: Which value is best.

    Returns:
        `highest` and `lowest`, the best one first.
    """
    return ("highest", "lowest") if mode == "max" else ("lowest", "highest")


def test_name(name: str) -> str:
    """Name a metric of the validation as the test has it.

    Args:
        name: Such as `val/acc` or `val_loss`.

    Returns:
        Such as `test/acc` or `test_loss`; the same name if it does not begin with `val`.
    """
    return _VALIDATION.sub("test", name)


def is_count(share: float, samples: float) -> bool:
    """Tell whether a share is a whole number of samples, as exactly as 32 bits can be.

    Args:
        share: A share in `[0, 1]`; one of classes or of a mean over them is none of samples.
        samples: Their number.

    Returns:
        True if it is.
    """
    return abs(share * samples - round(share * samples)) <= samples * 2**-22


def is_tested(name: str) -> bool:
    """Tell whether a value was logged in the test, by its name.

    Args:
        name: As it is in the figures of a run, such as `test/acc`, `test_loss` or `test_s`.

    Returns:
        True for what a task logs there; not for what a run itself counts and times.
    """
    return name.startswith("test") and name not in FIGURES


def figure_of(name: str) -> Metric | None:
    """Look up a figure of the run itself.

    Args:
        name: Such as `fit_s` or `train/samples_per_s`.

    Returns:
        The figure as a metric; None if it is none, or if neither more nor less of it is better.
    """
    mode = FIGURES.get(name)
    return Metric(name, mode) if mode else None


def headline_of(owner: object) -> Metric | None:
    """Find the metric that a task publishes for the choice of its best state.

    Args:
        owner: The task, or its class.

    Returns:
        The metric by its name in the validation; None if it publishes none.
    """
    headline = getattr(owner, "headline", None)
    return headline.of("val") if isinstance(headline, Metric) else None


def published(owner: object) -> dict[str, Metric]:
    """List the metrics that a task publishes, as `headline` and in `metrics`.

    Args:
        owner: The task, or its class.

    Returns:
        Metric of each split by its name.
    """
    others = getattr(owner, "metrics", ())
    found = [getattr(owner, "headline", None), *(others if isinstance(others, tuple) else ())]
    metrics = [metric for metric in found if isinstance(metric, Metric)]
    named = [metric.of(split) for metric in metrics for split in ("train", "val", "test")]
    return {metric.name: metric for metric in named}
