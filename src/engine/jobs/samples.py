"""The runs that a user wants compared, by the words of a command."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.engine.console.note import note
from src.engine.console.shown import shown
from src.engine.files.run import LOGS
from src.engine.jobs.group import Group
from src.engine.records.config_file import differing
from src.engine.records.ledger import NOT_THE_CONFIGURATION
from src.engine.records.metric import Metric, cost_of
from src.engine.records.run_record import RunRecord


@dataclass
class RunSet:
    """Finished runs of one configuration.

    Attributes:
        name: Name of the group or of the run.
        records: The runs by seed.
    """

    name: str
    records: dict[int, RunRecord]

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
        return cls(name, dict(sorted(by_seed.items())))

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
            if value is None or not math.isfinite(value):
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
        if name is None and record.headline is None:
            known = ", ".join(sorted(record.metrics))
            raise ValueError(f"{self.name} has no headline metric: give --metric, one of {known}")
        if name is None:
            name = record.headline.tested.name if record.headline else ""
            if record.headline and name == record.headline.name:  # no name of its own in the test
                name = f"{name}_best"
        return record.metric(name) or cost_of(name) or name

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
