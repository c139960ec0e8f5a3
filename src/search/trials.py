"""The trials of a search as runs, each in a process of its own."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from src.engine.console.command_line import split_arguments
from src.engine.console.failure import USER_ERROR, UsageError
from src.engine.console.note import note
from src.engine.console.shown import shown
from src.engine.files.atomic_write import write_atomic
from src.engine.files.run import LOGS, Run
from src.engine.jobs.group import Group
from src.engine.jobs.jobs import Work
from src.engine.records.masked_settings import given_again
from src.engine.records.run_record import RunRecord

End = Literal["complete", "pruned", "failed"]


class Search(Protocol):
    """What chooses the settings."""

    @property
    def metric(self) -> str:
        """Metric of the validation that is sought."""

    def count(self) -> tuple[int, int]:
        """Count trials: all that there shall be, and those that have ended."""

    def interrupted(self) -> list[tuple[int, dict[str, Any], str | None]]:
        """Take up trials whose process has ended: number, settings and name of the run."""

    def ask(self) -> tuple[int, dict[str, Any]] | None:
        """Choose settings to try; None if there are enough trials."""

    def note_run(self, number: int, run: str) -> None:
        """Keep which run a trial is."""

    def report(self, number: int, values: Sequence[float]) -> bool:
        """Tell how a trial goes; True if it is to be given up."""

    def best(self, values: Sequence[float]) -> float | None:
        """Choose the best of some values of the metric."""

    def tell(self, number: int, end: End, value: float | None = None) -> None:
        """Tell how a trial ended."""

    def beat(self) -> None:
        """Say that this process lives."""


class Trials:
    """A plan: the trials of a search; those that were stopped go on first.

    Args:
        search: Chooses settings.
        group: Group of the runs.
        words: Words of `python -m src.train` that all trials share.
        option: Writes a setting as a word.
    """

    def __init__(
        self,
        search: Search,
        group: Group,
        words: Sequence[str],
        option: Callable[[str, Any], str],
    ) -> None:
        self.search = search
        self.group = group
        self.words = words
        self.option = option
        group.await_orphans()
        self._stopped = search.interrupted()
        self._pruned: set[int] = set()

    def total(self) -> int:
        """Count the trials that there shall be.

        Returns:
            Their number.
        """
        return self.search.count()[0]

    def done(self) -> int:
        """Count the trials that have ended.

        Returns:
            Their number.
        """
        return self.search.count()[1]

    def next(self) -> Work | None:
        """Give the next trial.

        Returns:
            What to train; None if there are enough trials.
        """
        self.search.beat()
        while self._stopped:
            number, settings, name = self._stopped.pop(0)
            record = self._record(name) if name else None
            work = Work(number, f"trial_{number}", self._words(settings), record)
            if record and record.status in ("finished", "pruned"):  # which was not told any more
                self._pruned |= {number} if record.status == "pruned" else set()
                note(self.end(work, 0 if record.status == "finished" else 1, ""))
                continue
            if record and record.run.has_state:
                secrets = given_again(split_arguments([*self.words]))
                work.words = ["--ckpt_path", str(record.run.checkpoint_dir), *secrets]
            else:
                work.record = None
            return work
        asked = self.search.ask()
        return asked and Work(asked[0], f"trial_{asked[0]}", self._words(asked[1]))

    def look(self, work: Work) -> bool:
        """Tell the search how a trial goes.

        Args:
            work: The trial, whose run is known.

        Returns:
            Whether it goes on.
        """
        self.search.beat()
        if work.record is None or work.key in self._pruned:
            return work.record is None
        self.search.note_run(work.key, work.record.name)
        values = self._values(work.record)
        if self.search.report(work.key, values):
            self._pruned.add(work.key)
            reason = (
                f"given up after {len(values)} validations: {self.search.metric} {values[-1:]}\n"
            )
            write_atomic(work.record.log_dir / "pruned.txt", reason.encode())
        return work.key not in self._pruned

    def end(self, work: Work, code: int, said: str) -> str:
        """Tell the search how a trial ended.

        Args:
            work: The trial.
            code: Exit code of its process.
            said: Last line that it printed.

        Returns:
            A line for the user.

        Raises:
            UsageError: The first trial was refused: the sweep itself is wrong.
        """
        said = said.removeprefix("error: ")
        name = f"trial {work.key}"
        value = self.search.best(self._values(work.record)) if work.record else None
        if code == 0 and value is not None and work.record:
            self.search.tell(work.key, "complete", value)
            (work.record.log_dir / "pruned.txt").unlink(missing_ok=True)  # it was faster
            return f"{name}: {self.search.metric} {value:.4f}, {work.record.name}"
        if work.key in self._pruned:
            self.search.tell(work.key, "pruned")
            return f"{name}: given up, {self.search.metric} {value or math.nan:.4f} so far"
        first = self.search.count()[1] == 0
        self.search.tell(work.key, "failed")
        if code == USER_ERROR and first and work.record is None:
            raise UsageError(said)
        if code == 0:
            said = f"it has no {self.search.metric} that is a number, in {self.group.root}"
        log = shown(self.group.log(work.name))
        return f"{name} failed ({code}): {said}; see {log}"

    def _record(self, name: str) -> RunRecord | None:
        """Find the run that a trial is said to be; none elsewhere is touched."""
        root = self.group.root.resolve()
        run = Run.of_folder(root / LOGS / name)
        here = run and run.root == root and run.log_dir.is_dir() and not run.log_dir.is_symlink()
        record = RunRecord(run) if run and here else None
        return record if record and record.overview.get("group") == self.group.name else None

    def _values(self, record: RunRecord) -> list[float]:
        metric = self.search.metric
        return [each[metric] for each in record.validations if metric in each]

    def _words(self, settings: dict[str, Any]) -> list[str]:
        chosen = [self.option(name, value) for name, value in settings.items()]
        return [*self.words, *chosen, "--group", self.group.name, "--test", "false"]
