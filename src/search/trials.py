"""The trials of a search as runs, each in a process of its own."""

from collections.abc import Callable, Sequence
from typing import Any

from typing_extensions import override

from src.engine.console.command_line import split_arguments
from src.engine.console.failure import USER_ERROR, UsageError
from src.engine.console.note import note
from src.engine.console.shown import shown
from src.engine.files.atomic_write import write_atomic
from src.engine.files.run import LOGS, Run
from src.engine.jobs.group import Group
from src.engine.jobs.jobs import Plan, Work
from src.engine.records.masked_settings import given_again
from src.engine.records.metric import number_text
from src.engine.records.run_record import RunRecord
from src.search.search import Search


class Trials(Plan):
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
        self._killed: set[int] = set()
        self._again: list[Work] = []

    @override
    def total(self) -> int:
        return self.search.count()[0]

    @override
    def done(self) -> int:
        return self.search.count()[1]

    @override
    def next(self) -> Work | None:
        self.search.beat()
        while self._stopped:
            number, settings, name = self._stopped.pop(0)
            record = self._record(name) if name else None
            work = Work(number, f"trial_{number}", self._words(settings), record)
            if record and record.status in ("finished", "pruned"):  # which was not told any more
                self._pruned |= {number} if record.status == "pruned" else set()
                note(self.end(work, 0 if record.status == "finished" else 1, ""))
                continue
            return self._from_state(work)
        if self._again:
            return self._from_state(self._again.pop(0))
        asked = self.search.ask()
        return asked and Work(asked[0], f"trial_{asked[0]}", self._words(asked[1]))

    @override
    def look(self, work: Work) -> bool:
        self.search.beat()
        if work.record is None or work.key in self._pruned:
            return work.record is None
        self.search.note_run(work.key, work.record.name)
        values = self._values(work.record)
        if self.search.report(work.key, values):
            self._pruned.add(work.key)
            so_far = ", ".join(map(number_text, values))
            reason = f"given up after validations with {self.search.metric} {so_far}\n"
            write_atomic(work.record.log_dir / "pruned.txt", reason.encode())
        return work.key not in self._pruned

    @override
    def end(self, work: Work, code: int, said: str) -> str:
        said = said.removeprefix("error: ")
        name = f"trial {work.key}"
        value = self._value(work.record) if work.record else None
        if code == 0 and value is not None and work.record:
            self.search.tell(work.key, "complete", value)
            (work.record.log_dir / "pruned.txt").unlink(missing_ok=True)  # it was faster
            return f"{name}: {self.search.metric} {number_text(value)}, {work.record.name}"
        if work.key in self._pruned:
            self.search.tell(work.key, "pruned")
            so_far = "" if value is None else f", {self.search.metric} {number_text(value)} so far"
            return f"{name}: given up{so_far}"
        if code < 0 and work.key not in self._killed:  # by a signal that the driver did not send
            self._killed.add(work.key)
            self._again.append(work)
            return f"{name}: {said}; it goes on, this once"
        first = self.search.count()[1] == 0
        self.search.tell(work.key, "failed")
        if code == USER_ERROR and first and work.record is None:
            raise UsageError(said)
        if code == 0 and first and work.record and not self._values(work.record):
            raise UsageError(
                f"{name} has been trained and no validation of it has logged {self.search.metric}: "
                "give the sweep another metric"
            )
        if code == 0:
            said = f"it has no {self.search.metric} that is a number, in {self.group.root}"
        log = shown(self.group.log(work.name))
        return f"{name} failed ({code}): {said}; see {log}"

    def _from_state(self, work: Work) -> Work:
        """Let a trial go on from its last state, or begin again if it has none."""
        if work.record and work.record.run.has_state:
            secrets = given_again(split_arguments([*self.words]))
            work.words = ["--ckpt_path", str(work.record.run.checkpoint_dir), *secrets]
        else:
            work.record = None
        return work

    def _record(self, name: str) -> RunRecord | None:
        """Find the run that a trial is said to be; none elsewhere is touched."""
        root = self.group.root.resolve()
        run = Run.of_folder(root / LOGS / name)
        here = run and run.root == root and run.log_dir.is_dir() and not run.log_dir.is_symlink()
        record = RunRecord(run) if run and here else None
        return record if record and record.group == self.group.name else None

    def _value(self, record: RunRecord) -> float | None:
        """Read what a trial is judged by: the metric of the state that it keeps."""
        kept = record.metrics.get(f"{self.search.metric}_best")
        return self.search.best(self._values(record) if kept is None else [kept])

    def _values(self, record: RunRecord) -> list[float]:
        metric = self.search.metric
        return [each[metric] for each in record.validations if metric in each]

    def _words(self, settings: dict[str, Any]) -> list[str]:
        chosen = [self.option(name, value) for name, value in settings.items()]
        return [*self.words, *chosen, "--group", self.group.name, "--test", "false"]
