"""The runs that a user wants compared, by the words of a command."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.engine.console.note import note
from src.engine.console.shown import shown
from src.engine.files.run import LOGS
from src.engine.jobs.group import Group
from src.engine.records.config_file import differing
from src.engine.records.ledger import NOT_THE_CONFIGURATION, counted, looks
from src.engine.records.metric import Metric, figure_of
from src.engine.records.run_record import RunRecord, split_inputs

_NAMED = 3  # files that a line names
# Settings that change what a loss is, whatever the task.
_MEANING = re.compile(r"smoothing|loss|criterion|reduction|_weights?$")


@dataclass
class RunSet:
    """Finished runs of one configuration.

    Attributes:
        name: Name of the group or of the run.
        records: The runs by seed.
        left_out: Names of its other runs: not finished, or of a seed that was trained again.
    """

    name: str
    records: dict[int, RunRecord]
    left_out: Sequence[str] = ()

    @classmethod
    def find(cls, word: str) -> "RunSet":
        """Find the runs that a user means.

        Args:
            word: A group's name or folder, or a run, as `RunRecord.find` takes it.

        Returns:
            Its finished runs.

        Raises:
            FileNotFoundError: There is no such group or run, or none of its runs is finished.
            ValueError: Its runs are not of one configuration.
        """
        group = find_group(word)
        if group is None:
            record = RunRecord.find(word)
            members = [record]
        else:
            members = group.members()
        finished = [record for record in members if record.status == "finished"]
        name = group.name if group else members[0].name
        if left := [record.name for record in members if record not in finished]:
            note(f"{name}: left out, for they are not finished: {', '.join(left)}")
        if not finished:
            raise FileNotFoundError(f"{word}: none of its runs is finished")
        refuse_mixture(name, finished)
        by_seed = {record.seed: record for record in finished}
        left = [record.name for record in members if record not in by_seed.values()]
        return cls(name, dict(sorted(by_seed.items())), left)

    def values(self, metric: str) -> dict[int, float]:
        """Read a figure of each run.

        Args:
            metric: Its name in `metrics.json`.

        Returns:
            Value by seed.

        Raises:
            ValueError: A run does not have it, or not as a finite number.
        """
        for record in self.records.values():
            value = record.metrics.get(metric)
            if metric in record.metrics and (value is None or not math.isfinite(value)):
                raise ValueError(f"{metric} of {record.name} of {self.name} is not finite")
            if value is None:
                known = ", ".join(sorted(record.metrics))
                raise ValueError(f"{record.name} of {self.name} has no {metric}; it has {known}")
        return {seed: float(record.metrics[metric]) for seed, record in self.records.items()}

    def metric(self, name: str | None) -> Metric | str:
        """Find the metric that runs are compared by.

        Args:
            name: Its name in `metrics.json`; None takes the headline metric in the test.

        Returns:
            The metric, or its name alone if it is not known which value is best.

        Raises:
            ValueError: None is named, and the runs have no headline metric.
        """
        record = next(iter(self.records.values()))
        if name is None:
            headline = record.headline
            if headline is None:
                known = ", ".join(sorted(record.metrics))
                raise ValueError(
                    f"{self.name} has no headline metric: give --metric, one of {known}"
                )
            name = headline.tested.name
            if name == headline.name or name not in record.metrics:  # the test does not tell it
                name = f"{headline.name}_best"
        return record.metric(name) or figure_of(name) or name

    def machines(self) -> str:
        """Tell on what the runs were trained.

        Returns:
            Devices and numbers of threads.
        """
        inputs = [each.sessions[-1]["inputs"] for each in self.records.values() if each.sessions]
        found = {f"{each.get('device')} with {each.get('threads')} threads" for each in inputs}
        return ", ".join(sorted(found))


def find_group(word: str) -> Group | None:
    """Find the group that a user means.

    Args:
        word: Its name, in the working directory, or its folder.

    Returns:
        The group; None if there is none that has a run.
    """
    path = Path(word).resolve()
    if path.is_dir() and (path.parent.name, path.parent.parent.name) == ("groups", LOGS):
        return Group(path.parents[2], path.name)
    if "/" in word or word == "last" or (Path(LOGS) / word / "config.yaml").is_file():
        return None
    groups = {group.name: group for group in Group.all(Path())}
    if word not in groups and not Path(word).exists() and groups:
        raise FileNotFoundError(
            f"{word} is no group or run in {shown(Path(LOGS))}; groups are {', '.join(groups)}"
        )
    return groups.get(word)


def count_looks(roots: Iterable[Path], config: str | None = None) -> str:
    """Say how many looks at the test set the ledgers count, and which tests they lack.

    Args:
        roots: Folders of the runs.
        config: Digest of a configuration, for a sentence that also names its own looks.

    Returns:
        A sentence without its end.
    """
    found, lacking = [], []
    for root in sorted(set(roots)):
        here = looks(root)
        listed = {str(look.get("run")) for look in here}
        records = [record for record in RunRecord.all(root) if record.name not in listed]
        lacking += [record.name for record in records if _was_tested(record)]
        found += here
    text = counted(found, config)
    if lacking:
        text += f"; tested, but not in the ledger, which was deleted or cut: {', '.join(lacking)}"
    return text


def _was_tested(record: RunRecord) -> bool:
    with suppress(OSError, ValueError):  # a damaged run is not the one that is asked for
        return "test_s" in record.metrics
    return False


def count_tested(sets: Iterable[RunSet], metric: str) -> int | None:
    """Count the samples that a metric of the test is of.

    Args:
        sets: Runs that are compared.
        metric: Name of the metric.

    Returns:
        Their number; None of another metric, or where it is not known.

    Raises:
        ValueError: It is not the same for all.
    """
    records = [record for each in sets for record in each.records.values()]
    counts = {record.metrics.get("test_samples"): record.name for record in records}
    counts.pop(None, None)
    if not metric.startswith("test") or not counts:
        return None
    if len(counts) > 1:
        told = ", ".join(f"{count:,.0f} of {name}" for count, name in counts.items())
        raise ValueError(
            f"the runs were tested on different numbers of samples ({told}): a difference of "
            "means would mean nothing; give --metric of something else"
        )
    return int(next(iter(counts)))


def warn_of_differences(sets: Iterable[RunSet], metric: str) -> None:
    """Say what, besides a better configuration, may be the reason of a difference.

    Args:
        sets: Runs that are compared.
        metric: Name of the metric.
    """
    first, *others = [record for each in sets for record in each.records.values()]
    for other in others:
        here, there = _data(first), _data(other)
        files = differing(here, there) if here and there else ()
        if files or first.settings.get("data") != other.settings.get("data"):
            told = f" ({', '.join([*files][:_NAMED])})" if files else ""
            note(
                f"{first.name} and {other.name} had different data{told}: a difference may be "
                "that of the data"
            )
            break
    for other in others:
        names = different(first.settings, other.settings)
        changed = [name for name in names if name == "model" or _MEANING.search(name)]
        if changed and ("model" in changed or "loss" in metric):
            told = ", ".join(f"--{name}" for name in changed)
            note(f"{metric} of {first.name} and {other.name} may not mean the same: {told} differs")
            break


def _data(record: RunRecord) -> dict[str, str]:
    return split_inputs(record.sessions[-1])[0] if record.sessions else {}


def refuse_mixture(name: str, records: Sequence[RunRecord]) -> None:
    """Refuse runs that are not the same but for their seeds.

    Args:
        name: What they are called together.
        records: The runs, finished.

    Raises:
        ValueError: Their configurations differ.
    """
    configs = {record.config: record for record in records}
    if len(configs) > 1:
        first, other = [*configs.values()][:2]
        names = ", ".join(f"--{setting}" for setting in different(first.settings, other.settings))
        raise ValueError(
            f"the runs of {name} are not of one configuration: {first.name} and {other.name} "
            f"differ in {names}; compare runs, or groups of --seeds"
        )
    seeds = [record.seed for record in records]
    if len(set(seeds)) < len(seeds):
        note(f"{name}: of several runs with the same seed the latest is taken")
    commits = {(record.overview.get("commit") or "")[:10] for record in records}
    if len(commits) > 1:
        note(f"{name}: its runs are of different commits: {', '.join(sorted(commits))}")


def different(first: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """List what two runs do not have in common.

    Args:
        first: Settings of one by name.
        other: Settings of the other.

    Returns:
        Both values by name, of what belongs to the configuration; None where one lacks it.
    """
    found = differing(first, other)
    return {name: both for name, both in found.items() if name not in NOT_THE_CONFIGURATION}
