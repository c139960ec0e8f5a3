"""The same training with several seeds."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from typing_extensions import override

from src.engine.console.command_line import CommandLine
from src.engine.console.failure import USER_ERROR, UsageError
from src.engine.console.note import note
from src.engine.console.printable import printable
from src.engine.console.shown import shown
from src.engine.jobs.group import Group
from src.engine.jobs.jobs import Plan, Work
from src.engine.records.config_file import read_config
from src.engine.records.masked_settings import given_again, masked_settings, masked_words
from src.engine.records.metric import is_tested, number_text
from src.engine.records.run_record import RunRecord

_MOST = 10_000


def parse_seeds(text: str) -> list[int]:
    """Read which seeds are meant.

    Args:
        text: A number of runs n, for seeds 1 to n; or seeds and ranges, such as `3,7,20-29`; a
            single seed is a list if a comma follows it.

    Returns:
        The seeds, each once, in the order given.

    Raises:
        ValueError: It is neither.
    """
    if re.fullmatch(r"\d+", text) and 0 < int(text) <= _MOST:
        return list(range(1, int(text) + 1))
    seeds: list[int] = []
    for part in text.removesuffix(",").split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None or (text.isdigit() or int(match[2] or match[1]) >= 2**32):
            raise ValueError(
                f"--seeds must be a number of runs, or seeds such as 1,2,5-9, got {text!r}"
            )
        seeds += range(int(match[1]), int(match[2] or match[1]) + 1)
    if not seeds:
        raise ValueError(f"--seeds {text}: a range goes upwards")
    return list(dict.fromkeys(seeds))


def seeds_group(words: CommandLine, default_config: Path) -> Group:
    """Name and claim the group of a command that trains with several seeds.

    Args:
        words: The command.
        default_config: Configuration that it has if it names none.

    Returns:
        The group: the one that the command names, else one named after configuration and options,
        so that the same command means the same group.

    Raises:
        ValueError: The command sets the seed, or the group was made by another command.
        OSError: Another process is at it.
    """
    for word in words.rest:
        if word.partition("=")[0] == "--seed_everything":
            raise ValueError("--seed_everything and --seeds exclude each other: leave one out")
    config = Path(words.config or default_config)
    if config.exists() and not config.is_file():
        raise ValueError(f"--config {config} is read by each of --seeds: write it into a file")
    settings = repr(masked_settings(read_config(config, default_config.parent)))
    content = hashlib.sha256(settings.encode()).hexdigest()[:12]
    options = [*masked_words(words.rest), *(["--weights", words.weights] if words.weights else [])]
    digest = hashlib.sha256(repr([content, options]).encode()).hexdigest()[:6]
    group = Group(Path(words.root).resolve(), words.group or f"{config.stem}-{digest}")
    group.claim({"kind": "seeds", "config": content, "options": options})
    return group


class SeedRuns(Plan):
    """A plan: each seed once; what is finished stays, what was stopped goes on.

    Args:
        group: Group of the runs.
        seeds: Seeds that are wanted.
        words: Command, of which each run gets a seed.

    Attributes:
        failed: What was said by runs that failed, by seed.
    """

    def __init__(self, group: Group, seeds: Sequence[int], words: CommandLine) -> None:
        self.group = group
        self.seeds = seeds
        self.words = words
        self.failed: dict[int, str] = {}
        group.await_orphans()
        readable = {record.name for record in group.readable()}  # it names the others
        self._damaged = {record.name for record in group.members()} - readable
        before = self.finished()
        self._todo = [seed for seed in seeds if seed not in before]
        self._done = len(before)
        if already := self._done:
            note(f"{already} of {len(seeds)} runs of group {group.name} are finished already")

    def finished(self) -> dict[int, RunRecord]:
        """Find what is finished.

        Returns:
            Runs by seed, of those that are wanted.
        """
        records = self._members(("finished",))
        return {seed: records[seed] for seed in self.seeds if seed in records}

    @override
    def total(self) -> int:
        return len(self.seeds)

    @override
    def done(self) -> int:
        return self._done

    @override
    def next(self) -> Work | None:
        while self._todo:
            seed = self._todo.pop(0)
            name = f"seed_{seed}"
            if seed in self._members(("running",)):
                note(f"seed {seed} is being trained by another process")
                continue
            stopped = self._members(("interrupted", "failed")).get(seed)
            if stopped and stopped.run.has_state:
                words = ["--ckpt_path", str(stopped.run.checkpoint_dir), *given_again(self.words)]
                return Work(seed, name, words, stopped)
            return Work(seed, name, self._words(seed))
        return None

    @override
    def end(self, work: Work, code: int, said: str) -> str:
        said = said.removeprefix("error: ")
        if code == USER_ERROR and work.record is None:
            raise UsageError(said)
        if code == 0 and work.record is None:
            said = f"it wrote no run in {self.group.root}"
        if code or work.record is None:
            self.failed[work.key] = said
            log = shown(self.group.log(work.name))
            return f"seed {work.key} failed ({code}): {said}; see {log}"
        self._done += 1
        metrics, headline = work.record.metrics, work.record.headline
        tested = filter(is_tested, metrics)
        names = [f"{headline.name}_best", headline.tested.name] if headline else [*tested]
        known = {name: metrics[name] for name in names if metrics.get(name) is not None}
        result = [f"{name} {number_text(value)}" for name, value in known.items()]
        seconds = f"{metrics.get('fit_s', 0):.1f} s"
        return printable(f"seed {work.key}: {', '.join([*result, seconds])}, {work.record.name}")

    def _members(self, kinds: Sequence[str]) -> dict[int, RunRecord]:
        members = [each for each in self.group.members() if each.name not in self._damaged]
        return {record.seed: record for record in members if record.status in kinds}

    def _words(self, seed: int) -> list[str]:
        words = ["--config", self.words.config] if self.words.config else []
        words += ["--weights", self.words.weights] if self.words.weights else []
        member = ["--group", self.group.name, "--seed_everything", str(seed)]
        return [*words, *self.words.rest, *member]
