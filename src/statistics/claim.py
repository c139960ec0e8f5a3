"""Claims that are written down before the runs, and whether they hold: a preregistration."""

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scipy import stats

from src.engine.console.shown import shown
from src.engine.console.table import entries
from src.engine.files.atomic_write import write_json
from src.engine.files.reading import read_json
from src.engine.jobs.samples import RunSet
from src.engine.records.ledger import looks
from src.engine.records.metric import Mode, ends
from src.statistics.comparison import Comparison, Sample, compare
from src.statistics.sentence import Scale

FOLDER = Path("claims")
_FEWEST = 2  # runs of each that have an interval
_SHAPE = {
    **dict.fromkeys(("better", "other", "metric", "made", "commit"), str),
    **{"mode": re.compile("max|min"), "margin": float, "alpha": float, "seeds": range(2, 10_001)},
    "looks": [{"seeds": int, "level": float, "holds": bool}],
}


@dataclass
class Claim:
    """That the runs of a group will be better than those of another one.

    Attributes:
        better: Name of the group that shall be better.
        other: Name of the other group.
        margin: By how much, at least 0, of shares in points.
        metric: Name of the figure that is compared.
        mode: Which of its values is best.
        seeds: Runs of each that are planned, at least 2.
        alpha: Two-sided error of all looks together, in `(0, 1)`.
        made: When it was written down, as ISO 8601.
        commit: Commit of the code then.
        looks: Number of seeds, level and result of each look so far.
    """

    better: str
    other: str
    margin: float
    metric: str
    mode: Mode
    seeds: int
    alpha: float = 0.05
    made: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))
    commit: str = ""
    looks: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:  # noqa: D105  # a user may have written anything
        if self.seeds < _FEWEST:
            raise ValueError(f"a claim needs --seeds, at least {_FEWEST}, got {self.seeds}")
        if not 0 < self.alpha < 1:
            raise ValueError(f"--alpha must be between 0 and 1, got {self.alpha}")

    @property
    def file(self) -> Path:
        """Where it is kept."""
        metric = re.sub(r"[^\w.-]", "-", self.metric)
        return FOLDER / f"{self.better}-beats-{self.other}-on-{metric}.json"

    @property
    def text(self) -> str:
        """What is claimed, in words."""
        return (
            f"{self.better} beats {self.other} by {self.margin:g} ({self.metric}, "
            f"{ends(self.mode)[0]} is best, {self.seeds} seeds each, error {self.alpha:.3g}), "
            f"written {self.made[:16]}, commit {self.commit[:7] or 'none'}"
        )

    def write(self) -> None:
        """Write it down."""
        FOLDER.mkdir(exist_ok=True)
        write_json(self.file, asdict(self))

    def level(self, seeds: int) -> float:
        """Tell the error that a look may make, so that all looks together make `alpha`.

        A look spends what an O'Brien-Fleming spending function has grown by since the look before.
        As each look is tested at that level alone, it holds for t-tests of few runs too (a union
        bound), and is a little strict.

        Args:
            seeds: Runs of each at this look.

        Returns:
            Two-sided error of this look.

        References:
            Lan and DeMets, "Discrete sequential boundaries for clinical trials", Biometrika 70,
            1983. doi:10.2307/2336502
        """
        before = max((look["seeds"] for look in self.looks if look["seeds"] < seeds), default=0)
        return self._spent(seeds) - self._spent(before)

    def _spent(self, seeds: int) -> float:
        share = min(1.0, seeds / self.seeds)
        if share == 0:
            return 0.0
        return float(2 * stats.norm.sf(stats.norm.isf(self.alpha / 2) / math.sqrt(share)))

    def look(self, other: Sample, better: Sample, scale: Scale) -> tuple[bool, Comparison]:
        """Test it on the runs that there are, and remember that they were looked at.

        Args:
            other: Runs of the other group.
            better: Runs of the group that shall be better.
            scale: How the metric is written.

        Returns:
            Whether it holds by this look, and the comparison with its interval.
        """
        seeds = min(len(other.values), len(better.values))
        level = self.level(seeds)
        (found,) = compare([other, better], None, level)
        worst = found.low if self.mode == "max" else -found.high
        holds = bool(worst > self.margin / scale.factor)  # never if not a number
        if seeds >= _FEWEST and level > 0 and seeds not in {each["seeds"] for each in self.looks}:
            self.looks.append({"seeds": seeds, "level": level, "holds": holds})
        return holds, found


def parse_claim(text: str) -> tuple[str, str, float]:
    """Read a claim.

    Args:
        text: Such as `B beats A by 0.1`.

    Returns:
        The better one, the other one, and the margin.

    Raises:
        ValueError: It is none.
    """
    match = re.fullmatch(r"(\w[\w.+-]*) beats (\w[\w.+-]*) by (\d+\.?\d*|\.\d+)", text.strip())
    if not match or match[1] == match[2]:
        raise ValueError(f"--claim must be such as 'B beats A by 0.1', of two groups, got {text!r}")
    return match[1], match[2], float(match[3])


def claims_on(names: Sequence[str]) -> list[Claim]:
    """Find the claims on groups.

    Args:
        names: Names of the groups that are compared.

    Returns:
        Claims on two of them.

    Raises:
        ValueError: A file is damaged.
    """
    contents = [read_json(file, _SHAPE) for file in sorted(FOLDER.glob("*.json"))]
    known = [each.name for each in fields(Claim)]
    found = [Claim(**{name: each[name] for name in known}) for each in contents if each]
    return [each for each in found if {each.better, each.other} <= {*names}]


def together(claims: Sequence[Claim]) -> str:
    """Say what error several claims on the same groups have together.

    Each keeps the error that it was written down with: the results must not change that.

    Args:
        claims: All claims on groups that are compared.

    Returns:
        A line; empty of fewer than two.
    """
    if len(claims) < 2:  # noqa: PLR2004  # one has its own error alone
        return ""
    error = min(1.0, sum(claim.alpha for claim in claims))
    text = (
        f"{len(claims)} on these groups, not corrected for each other: each has its own error; the "
        f"chance that at least one holds wrongly is at most {error:.3g}"
    )
    return entries({"claims": text})


def breaches(claim: Claim, sets: Sequence[RunSet]) -> list[str]:
    """List where the plan of a claim was not kept.

    Args:
        claim: The claim.
        sets: Both groups.

    Returns:
        What was otherwise; empty if all was as planned. Too few seeds are no breach: the rest may
        follow.
    """
    found = []
    for each in sets:
        if (count := len(each.records)) > claim.seeds:
            found.append(f"{count} seeds of {each.name} instead of {claim.seeds}")
        records = each.records.values()
        early = [one.name for one in records if (one.overview.get("began") or "") < claim.made]
        if early:
            found.append(f"begun before the claim: {', '.join(early)}")
        if left := [*each.left_out, *_gone(claim, each)]:
            found.append(f"trained, but not included: {', '.join(left)} of {each.name}")
    return found


def _gone(claim: Claim, runs: RunSet) -> list[str]:
    """List runs of the same configuration that the ledger counts and the comparison lacks."""
    here = {record.name for record in runs.records.values()} | {*runs.left_out}
    record = next(iter(runs.records.values()))
    return sorted(
        {
            str(look.get("run"))
            for look in looks(record.run.root)
            if look.get("config") == record.config
            and look.get("by") == "src.train"
            and str(look.get("when")) >= claim.made[:19]
            and look.get("run") not in here
        }
    )


def verdict(claim: Claim, sets: Sequence[RunSet], samples: Sequence[Sample], scale: Scale) -> str:
    """Say whether a claim holds and its plan was kept; the look is written into its file.

    Args:
        claim: The claim.
        sets: Runs of the groups that are compared.
        samples: Their results.
        scale: How the metric is written.

    Returns:
        Three lines.

    Raises:
        ValueError: The runs say that another value of the metric is best.
    """
    if scale.mode not in (None, claim.mode):
        best, other = ends(claim.mode)
        raise ValueError(f"{shown(claim.file)}: {best} is best there, and {other} for the runs")
    names = claim.other, claim.better
    first, second = (next(each for each in samples if each.name == name) for name in names)
    broken = breaches(claim, [each for each in sets if each.name in names])
    seeds = min(len(first.values), len(second.values))
    before = next((each["seeds"] for each in claim.looks if each["holds"]), seeds)
    level = claim.level(seeds)
    holds, found = claim.look(first, second, scale)
    claim.write()
    state = "holds" if holds else "does not hold" if seeds >= claim.seeds else "is open"
    state = f"holds since the look at {before} seeds" if before < seeds else state
    kept = "kept so far" if seeds < claim.seeds else "kept"
    rows = {
        "claim": claim.text,
        "plan": f"not kept: {'; '.join(broken)}" if broken else kept,
        "verdict": f"{state}{', but the plan was not kept' if broken else ''}; "
        f"{seeds} of {claim.seeds} seeds: {_gain(claim, found, level, scale)}",
    }
    return entries(rows)


def _gain(claim: Claim, found: Comparison, level: float, scale: Scale) -> str:
    """Write the interval of a look in the direction of the claim."""
    if not math.isfinite(found.low):
        return "no interval yet" if level else "the plan leaves no error for this look"
    low, high = (found.low, found.high) if claim.mode == "max" else (-found.high, -found.low)
    return (
        f"the gain of {claim.better} over {claim.other} is {scale.difference(low)} to "
        f"{scale.difference(high)}{scale.points} (claimed: above {claim.margin:g}), with an error "
        f"of {level:.2g} at this look"
    )
