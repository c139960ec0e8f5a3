"""Trainings in processes of their own, several at once."""

import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from src.engine.console.failure import SIGNALS, RunStopped, UsageError
from src.engine.console.note import note
from src.engine.console.slurm import JOB
from src.engine.files.run import Run
from src.engine.jobs.group import Group
from src.engine.jobs.live import Live
from src.engine.jobs.machine import share
from src.engine.jobs.orphan import PARENT
from src.engine.records.run_record import RunRecord

_EVERY_S = 0.5


@dataclass
class Work:
    """A training that is to be done.

    Attributes:
        key: What it is to those who asked for it.
        name: Its name, also that of its log.
        words: Words of `python -m src.train`.
        record: The run, once it is known.
    """

    key: int
    name: str
    words: list[str]
    record: RunRecord | None = None


class Plan(ABC):
    """What is to be trained, and what is done with the results."""

    @abstractmethod
    def total(self) -> int:
        """Count all trainings, those included that are done."""

    @abstractmethod
    def done(self) -> int:
        """Count those that are done."""

    @abstractmethod
    def next(self) -> Work | None:
        """Give the next training, one that was stopped first; None if there is none at present."""

    def look(self, work: Work) -> bool:  # noqa: ARG002  # of which some plans want to know
        """Look at a training that goes on; False ends it."""
        return True

    @abstractmethod
    def end(self, work: Work, code: int, said: str) -> str:
        """Take the result of a training: exit code and last line; return a line for the user."""


@dataclass
class _Job:
    work: Work
    slot: int
    first: int  # number that its run has at least, if it is a new one
    size: int  # of its log before it
    process: subprocess.Popen[bytes]
    ended: bool = False


class Jobs:
    """Work through a plan, in several processes.

    However this process ends, they end with their states saved.

    Args:
        plan: What is to be trained.
        group: Group that the runs belong to; its folder gets their logs.
        count: Processes at once, at least 1.
        command: What each process runs, before the words of its training.
    """

    def __init__(
        self,
        plan: Plan,
        group: Group,
        count: int,
        command: Sequence[str] = (sys.executable, "-m", "src.train"),
    ) -> None:
        self.plan = plan
        self.group = group
        self.count = count
        self.command = command
        self._running: list[_Job] = []
        self._signum = 0

    def run(self) -> None:
        """Train all that the plan gives.

        Raises:
            RunStopped: A signal came; all processes have saved their states and ended.
            UsageError: The plan says that the command is wrong; a group without runs is removed.
        """
        try:
            self._work()
        except UsageError:
            self.group.discard_if_empty()
            raise
        if self._signum:
            note("the same command goes on from here")
            raise RunStopped(self._signum)

    def _work(self) -> None:
        with closing(Live(self.count)) as live, self._signals():
            try:
                while self._fill() or self._running:
                    time.sleep(_EVERY_S)
                    self._look(live)
            finally:
                self._send(signal.SIGTERM)
                for job in self._running:
                    job.process.wait()

    def _fill(self) -> bool:
        """Start what there is room for; tell whether anything was started."""
        free = sorted(set(range(self.count)) - {job.slot for job in self._running})
        for slot in free:
            work = None if self._signum else self.plan.next()
            if work is None:
                return slot != free[0]
            first = max((run.version for run in Run.all(self.group.root)), default=-1) + 1
            log = self.group.log(work.name)
            size = log.stat().st_size if log.is_file() else 0
            self._running.append(_Job(work, slot, first, size, self._start(work, slot)))
            if self._signum:  # it came in between
                self._send(self._signum)
        return bool(free)

    def _start(self, work: Work, slot: int) -> subprocess.Popen[bytes]:
        environment = os.environ | share(slot, self.count) | {PARENT: str(os.getpid())}
        environment.pop(JOB, None)  # SLURM runs this process again, and not that one
        with self.group.log(work.name).open("ab") as log:
            return subprocess.Popen(
                [*self.command, *work.words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,  # Ctrl-C comes here alone, and is passed on
            )

    def _look(self, live: Live) -> None:
        for job in [*self._running]:
            code = job.process.poll()
            job.work.record = self._find(job)
            goes_on = job.work.record is None or self.plan.look(job.work)
            if code is not None:
                self._running.remove(job)
                said = self._last_line(job, code)
                if code == 0 or not self._signum:
                    live.say(self.plan.end(job.work, code, said))
            elif not goes_on and not job.ended:
                job.ended = True
                job.process.terminate()
        shown = {job.slot: (job.work.name, job.work.record) for job in self._running}
        live.show(shown, self.plan.done(), self.plan.total())

    def _find(self, job: _Job) -> RunRecord | None:
        """Read the run of a process anew; a new one names the process."""
        if job.work.record and job.work.record.log_dir.is_dir():  # not refused since
            return RunRecord(job.work.record.run)
        for run in Run.all(self.group.root):
            if run.version >= job.first and RunRecord(run).overview.get("pid") == job.process.pid:
                return RunRecord(run)
        return None

    def _last_line(self, job: _Job, code: int) -> str:
        content = self.group.masked_log(job.work.name)[job.size :]
        killed = [f"killed by signal {-code}"] if code < 0 else []
        lines = [line for line in content.decode(errors="replace").splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("error: ")]
        return (killed or errors or lines or [""])[-1]

    def _send(self, signum: int) -> None:
        for job in self._running:
            if job.process.poll() is None:
                job.process.send_signal(signum)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def hear(signum: int, _: FrameType | None) -> None:
            self._signum = signum
            os.write(2, b"\nstopping all runs after their batches; again to stop at once\n")
            self._send(signum)

        before: dict[int, Any] = {number: signal.signal(number, hear) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
