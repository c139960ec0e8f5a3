"""Tests in forks of one process that has imported what others wrote, but nothing of the tree."""

import ast
import compileall
import faulthandler
import gc
import importlib
import itertools
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import coverage
import pytest

from tests.mutations import Mutant

_MEMORY = 12 * 2**30  # most data of a process [bytes]: a mutant may never stop to allocate
_PATIENCE_S, _PATIENCE = 60, 10  # a test hangs if it takes so long and so many times its work
_NOT_BEFORE_A_FORK = {"src", "tests", "benchmarks", "onnxruntime"}  # the last starts a thread


@dataclass
class Job:
    """Tests to run in a copy of the tree."""

    tests: list[str]  # files, or tests in their order
    mutant: Mutant | None = None
    known: dict[str, float] = field(default_factory=dict)  # work of every test as it is [s]
    changed: bool = True  # else the mutant only says what is run


def preload(tree: Path) -> None:
    """Import every module of others that a tree names, once for all forks."""
    names = set()
    for file in [*(tree / "src").rglob("*.py"), *(tree / "tests").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
    for name in sorted(name for name in names if name.split(".")[0] not in _NOT_BEFORE_A_FORK):
        with suppress(Exception):  # an optional one, or one of an example
            importlib.import_module(name)
    gc.freeze()  # no fork looks through it again
    threads = len([*Path("/proc/self/task").iterdir()])
    if max(threads, threading.active_count()) > 1:
        print(f"note: {threads} threads run: a fork may stop for ever", flush=True)


def copy_tree(source: Path, tree: Path) -> None:
    """Copy what git knows of a folder, with what is new in it."""
    words = ["git", "-C", source, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    for name in {*listed.split("\0")} - {""}:
        if os.path.lexists(source / name):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, tree / name, follow_symlinks=False)
    compileall.compile_dir(tree / "src", quiet=2)


def run_jobs(jobs: Iterable[Job], trees: list[Path]) -> Iterator[tuple[Job, Path, dict[str, Any]]]:
    """Run each job in a fork, as many at a time as there are trees.

    Yields:
        A job that has ended, its tree, and what it gave: no "code" if it hung or died.
    """
    waiting, free = deque(jobs), [*trees]
    running: dict[int, tuple[Job, Path, float]] = {}
    stamps, before = itertools.count(1), {}
    while waiting or running:
        while waiting and free:
            job, tree = waiting.popleft(), free.pop()
            if job.mutant and job.changed:
                before[tree] = (tree / job.mutant.file).read_text("utf-8")
                _write(tree / job.mutant.file, job.mutant.text, next(stamps))
            running[_fork(job, tree)] = job, tree, time.monotonic()
        pid = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT).si_pid
        if pid in running:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)  # what the tests started and left
        os.waitpid(pid, 0)
        if pid not in running:  # an orphan that came to us
            continue
        job, tree, began = running.pop(pid)
        free.append(tree)
        if job.mutant and job.changed:
            _write(tree / job.mutant.file, before[tree], next(stamps))
        output = tree.with_suffix(".json")
        result = json.loads(output.read_text()) if output.exists() else {}
        yield job, tree, result | {"wall_s": time.monotonic() - began}


def _write(file: Path, text: str, stamp: int) -> None:
    """Write a source with a date of its own: Python knows by the date that its bytecode is old."""
    file.write_text(text, "utf-8")
    os.utime(file, (stamp, stamp))


def _fork(job: Job, tree: Path) -> int:
    output, log = tree.with_suffix(".json"), tree.with_suffix(".log")
    output.unlink(missing_ok=True)
    sys.stdout.flush()
    if pid := os.fork():
        return pid
    code = 1
    try:
        os.setsid()
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
        os.chdir(tree)
        os.environ["PYTHONPATH"] = sys.path[0] = str(tree)
        for name in [name for name in sys.modules if name.partition(".")[0] in ("src", "tests")]:
            del sys.modules[name]
        sys.argv = ["pytest"]
        sys.dont_write_bytecode = False  # a fork compiles only what has changed
        result = _Watch(job).run(tree.with_suffix(".tmp"))
        output.write_text(json.dumps(result))
        code = 0
    finally:
        os._exit(code)


class _Watch:
    """Plugin of pytest: picks the tests, ends one that hangs, and notes what each did.

    The work of a test is the processors' time, as other programs may share them.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.rank = {test: place for place, test in enumerate(job.tests)} if job.mutant else {}
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []
        self.tracer = None if job.mutant else coverage.Coverage(None, source=["src"])

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self.rank:  # a mutant may rename tests: those are new, and run last
            known = self.job.known.keys() - self.rank.keys()
            left = [item for item in items if item.nodeid not in known]
            items[:] = sorted(left, key=lambda item: self.rank.get(item.nodeid, len(self.rank)))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        usual = self.job.known.get(item.nodeid, _PATIENCE_S)
        self._end_after(_PATIENCE_S + _PATIENCE * usual)
        began = sum(os.times()[:4])
        if self.tracer:
            self.tracer.switch_context(item.nodeid)
        result = yield
        self.seconds[item.nodeid] = sum(os.times()[:4]) - began
        if self.tracer:
            self.tracer.switch_context("")
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note_failure(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note_failure(report)

    def _end_after(self, seconds: float) -> None:
        faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__)

    def _note_failure(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def run(self, base: Path) -> dict[str, Any]:
        files = dict.fromkeys(test.partition("::")[0] for test in self.job.tests)
        left_out = ("cacheprovider", "faulthandler", "unraisableexception")
        # The last blames the test during which the collector finds what another one left.
        options = [f"-pno:{plugin}" for plugin in left_out] + [f"--basetemp={base}"]
        options += ["-q", "--tb=native", *(["-x"] if self.job.mutant else [])]
        self._end_after(_PATIENCE_S * _PATIENCE)
        if self.tracer:
            self.tracer.start()
        code = pytest.main([*options, *files], plugins=[self])
        lines = self._lines() if self.tracer else {}
        by_test = {"failed": self.failed, "seconds": self.seconds}
        return {"code": int(code), "lines": lines, **by_test}

    def _lines(self) -> dict[str, dict[str, list[int]]]:
        self.tracer.stop()
        data, found = self.tracer.get_data(), {}
        for path in data.measured_files():
            by_test = found[path] = defaultdict(list)
            for line, tests in data.contexts_by_lineno(path).items():
                for test in tests:
                    by_test[test].append(line)
        return found
