"""Commands as forks of a process that has loaded what they need: they begin at once."""

import multiprocessing
import os
import pkgutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace as Fake
from typing import IO, Any

import pytest

from benchmarks.gpu.guarded import come_loose
from src.engine.console.failure import SIGNALS
from src.engine.jobs.orphan import PARENT

ROOT = Path(__file__).parents[1]
SHARED_MEMORY = Path("/dev/shm")
JOBS = "src.engine.jobs.jobs.subprocess"
LAUNCHER = "lightning.pytorch.strategies.launchers.subprocess_script.subprocess"


class Fork:
    """A command in a process group of its own; it can be asked what a `Popen` can.

    Its temporary files are on another disk.
    """

    def __init__(
        self,
        *words: str,
        module: str = "src.train",
        log: str = "fork.log",
        said: str | None = None,
        prepare: Callable[[], object] = int,
        env: Mapping[str, str] = os.environ,
    ) -> None:
        elsewhere = {"TMPDIR": str(SHARED_MEMORY)} if SHARED_MEMORY.is_dir() else {}
        variables = {**env, "PYTHONPATH": str(ROOT), **elsewhere}
        method = "fork" if multiprocessing.parent_process() else "forkserver"
        if method == "forkserver":
            variables.pop(PARENT, None)  # it is the server
        self.log = Path(log)
        self.before = self.log.stat().st_size if self.log.exists() else 0
        there = (str(Path.cwd()), variables, module, words, (log, said or log), prepare)
        self.process = multiprocessing.get_context(method).Process(target=run, args=there)
        self.process.start()
        self.pid = self.process.pid

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self, timeout: float | None = None) -> int | None:
        self.process.join(timeout)
        return self.poll()

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        self.returncode = self.wait(timeout)
        return self.log.read_bytes()[self.before :].decode(), None

    def send_signal(self, signum: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signum)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run(
    folder: str,
    variables: dict[str, str],
    module: str,
    words: tuple[str, ...],
    printed_said: tuple[str, str],
    prepare: Callable[[], object],
) -> None:
    """Be what `python -m MODULE WORDS` is, as far as a fork can."""
    forget_parent()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    os.fsync = lambda _: None  # no test cuts the power
    come_loose(*printed_said)
    prepare()
    main = pkgutil.resolve_name(f"{module}:main")
    with second_process(lambda: main([*words])), forked_processes():
        main([*words])


def forget_parent() -> None:
    """Keep what another program keeps of the process that has begun it: no handler, no file."""
    for number in (*SIGNALS, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.set_wakeup_fd(-1)
    for descriptor in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        with suppress(OSError):  # the one of this list is closed
            if not os.get_inheritable(descriptor):
                os.close(descriptor)


@contextmanager
def second_process(main: Callable[[], None]) -> Iterator[None]:
    """Let a training on two devices find its second process begun, but for what it is."""
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_be_second, args=(theirs, ours, main))
    process.start()
    theirs.close()

    def begin(command: list[str], env: dict[str, str], cwd: None) -> Fake:
        ours.send(env)
        return Fake(poll=lambda: process.exitcode, send_signal=partial(os.kill, process.pid))

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(LAUNCHER, Fake(Popen=begin))
            yield
    finally:
        ours.close()
        process.join()


def _be_second(told: Any, other_end: Any, main: Callable[[], None]) -> None:
    other_end.close()
    with suppress(EOFError):  # none is needed
        os.environ.update(told.recv())
        main()


class ForkedJob(Fork):
    """A training of a group, as `Popen` would begin it."""

    def __init__(
        self,
        command: list[str],
        stdout: IO[bytes],
        env: Mapping[str, str],
        prepare: Callable[[], object] = int,
        **_: Any,
    ) -> None:
        super().__init__(*command[3:], module=command[2], log=stdout.name, prepare=prepare, env=env)


def answer(
    command: list[str], prepare: Callable[[], object] = int, **_: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as `subprocess.run` does."""
    with tempfile.TemporaryDirectory() as folder:
        log, said = f"{folder}/log", Path(folder, "said")
        fork = Fork(*command[3:], module=command[2], log=log, said=str(said), prepare=prepare)
        printed, _ = fork.communicate()
        return subprocess.CompletedProcess(command, fork.returncode, printed, said.read_text())


@contextmanager
def forked_processes(prepare: Callable[[], object] = int) -> Iterator[None]:
    """Let the processes begin at once that a group, a sweep or a report starts."""
    popen = partial(ForkedJob, prepare=prepare)
    beginning = Fake(Popen=popen, DEVNULL=subprocess.DEVNULL, STDOUT=subprocess.STDOUT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JOBS, beginning)
        for verb in ("sweep", "report"):
            patch.setattr(f"src.{verb}.subprocess", Fake(run=partial(answer, prepare=prepare)))
        yield
