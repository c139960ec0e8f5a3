"""Tell how much the tests notice: `python -m tests.mutants` tries seeded changes of `src`.

First every file of tests runs once as it is, in a process of its own, which tells what runs which
line and how long it takes. Then each mutant runs the tests that reach it, until one fails; it is
killed if the same tests pass without it. All processes are forks of this one, which has imported
what others wrote, but nothing of the tree; each works in a copy of the tree.
"""

import argparse
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
import tempfile
import threading
import time
import tomllib
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import coverage
import pytest

from tests.mutations import Mutant, choose, mutants_of, read_sources

EQUIVALENT = Path(__file__).with_name("mutants.toml")
_MEMORY = 12 * 2**30  # most data of a process [bytes]: a mutant may never stop to allocate
_PATIENCE_S, _PATIENCE = 60, 10  # a test hangs if it takes so long and so many times its work
_NOT_BEFORE_A_FORK = {"src", "tests", "benchmarks", "onnxruntime"}  # the last starts a thread
_KEY = ("file", "function", "before", "after")


@dataclass
class Job:
    """Tests to run in a copy of the tree."""

    tests: list[str]  # files, or tests in their order
    mutant: Mutant | None = None
    known: dict[str, float] = field(default_factory=dict)  # work of every test as it is [s]
    changed: bool = True  # else the mutant only says what is run


@dataclass
class Verdict:
    """What became of a mutant.

    Args:
        mutant: The mutant.
        found: One of killed, hangs or dies, survives, not covered, equivalent, or unsure: the tests
            failed without it, too.
        test: The one that failed.
        ran: Tests that ran.
        of: Tests that reach it; the budget may leave some out.
        wall_s: Time that they took [s].
    """

    mutant: Mutant
    found: str
    test: str = ""
    ran: int = 0
    of: int = 0
    wall_s: float = 0.0

    @property
    def noticed(self) -> bool:
        return self.found in ("killed", "hangs or dies")

    def __str__(self) -> str:
        mutant = self.mutant
        head = f"{mutant.file}:{mutant.line} {self.found} [{mutant.kind}, {mutant.function}]"
        tests = f"{self.ran} of {self.of} tests, {self.wall_s:.1f} s {self.test}"
        return f"{head} {tests}\n    - {mutant.before}\n    + {mutant.after}"


@dataclass
class Reach:
    """What the tests do to the sources as they are."""

    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, dict[str, set[int]]] = field(default_factory=lambda: defaultdict(dict))
    importers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    failed: list[str] = field(default_factory=list)

    def add(self, result: dict[str, Any], tree: Path) -> None:
        self.seconds |= result["seconds"]
        self.failed += result["failed"]
        for path, by_test in result["lines"].items():
            source = Path(path).relative_to(tree).as_posix()
            for test, lines in by_test.items():
                if test:
                    self.lines[source][test] = set(lines)
            self.importers[source] |= {test.partition("::")[0] for test in result["seconds"]}

    def tests_for(self, mutant: Mutant, budget_s: float) -> tuple[list[str], int]:
        """Choose the tests of a mutant, cheapest first, its own file's before all others.

        Returns:
            The tests, as many as the budget allows, and how many there would be.
        """
        below = Path(mutant.file).relative_to("src")
        own = f"{Path('tests', below).with_name(f'test_{below.name}').as_posix()}::"
        by_test = self.lines.get(mutant.file, {})
        wanted = set(mutant.reach)
        found = {test for test, lines in by_test.items() if lines & wanted}
        if not found:  # runs at import, or in another process
            found = {*by_test, *(test for test in self.seconds if test.startswith(own))}
        if not found:
            files = self.importers[mutant.file]
            found = {test for test in self.seconds if test.partition("::")[0] in files}
        order = sorted(found, key=lambda t: (not t.startswith(own), self.seconds[t], t))
        chosen, spent = [], 0.0
        for test in order:
            spent += self.seconds[test]
            if chosen and spent > budget_s:
                break
            chosen.append(test)
        return chosen, len(order)


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
        faulthandler.dump_traceback_later(_PATIENCE_S + _PATIENCE * usual, exit=True)
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

    def _note_failure(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def run(self, base: Path) -> dict[str, Any]:
        files = dict.fromkeys(test.partition("::")[0] for test in self.job.tests)
        options = ["-q", "--tb=native", "-p", "no:cacheprovider", "-p", "no:faulthandler"]
        options += [f"--basetemp={base}", *(["-x"] if self.job.mutant else [])]
        faulthandler.dump_traceback_later(_PATIENCE_S * _PATIENCE, exit=True)
        if self.tracer:
            self.tracer.start()
        code = pytest.main([*options, *files], plugins=[self])
        lines = self._lines() if self.tracer else {}
        return {
            "code": int(code),
            "failed": self.failed,
            "seconds": self.seconds,
            "lines": lines,
        }

    def _lines(self) -> dict[str, dict[str, list[int]]]:
        self.tracer.stop()
        data, found = self.tracer.get_data(), {}
        for path in data.measured_files():
            by_test = found[path] = defaultdict(list)
            for line, tests in data.contexts_by_lineno(path).items():
                for test in tests:
                    by_test[test].append(line)
        return found


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


def measure(files: list[str], trees: list[Path]) -> Reach:
    """Run each file of tests as it is, the largest first."""
    reach = Reach()
    by_size = sorted(files, key=lambda file: (trees[0] / file).stat().st_size, reverse=True)
    for job, tree, result in run_jobs([Job([file]) for file in by_size], trees):
        if "code" not in result or result["code"] not in (0, 5):
            reach.failed += result.get("failed") or job.tests
            print(tree.with_suffix(".log").read_text()[-3000:], flush=True)
        if "code" in result:
            reach.add(result, tree)
    return reach


def judge(mutants: list[Mutant], reach: Reach, trees: list[Path], budget_s: float) -> list[Verdict]:
    """Try each mutant, and each kill again without its mutant."""
    verdicts, jobs = {}, []
    for mutant in mutants:
        tests, of = reach.tests_for(mutant, budget_s)
        verdicts[mutant] = Verdict(mutant, "not covered", of=of)
        jobs += [Job(tests, mutant, reach.seconds)] if tests else []
    killed = []
    for number, (job, _, result) in enumerate(run_jobs(jobs, trees), 1):
        verdict = verdicts[job.mutant]
        verdict.found = "survives" if result.get("code") in (0, 5) else "killed"
        verdict.found = verdict.found if "code" in result else "hangs or dies"
        verdict.test = (result.get("failed") or [""])[0]
        verdict.ran = len(result.get("seconds", ()))
        verdict.wall_s = round(result["wall_s"], 1)
        print(f"{number}/{len(jobs)} {verdict}", flush=True)
        if verdict.found == "killed":
            killed.append(replace(job, tests=job.tests[: max(verdict.ran, 1)], changed=False))
    for job, _, result in run_jobs(killed, trees):
        if result.get("code") != 0:
            verdicts[job.mutant].found = "unsure"
    return [*verdicts.values()]


def equivalents(file: Path, sources: dict[str, str]) -> tuple[set[tuple[str, ...]], list[str]]:
    """Read the list of changes that nobody can see.

    Returns:
        The keys of the mutants, and those of them that are mutants of no source any more.
    """
    listed = tomllib.loads(file.read_text("utf-8")).get("mutant", [])
    keys = {tuple(entry[part] for part in _KEY) for entry in listed}
    files = {key[0] for key in keys} & sources.keys()
    real = {mutant.key for file in files for mutant in mutants_of(file, sources[file])}
    return keys, sorted(f"{key[0]}: {key[2]}" for key in keys - real)


def summary(verdicts: list[Verdict]) -> dict[str, Any]:
    """Count the mutants that were noticed, of those that could be."""
    modules: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for verdict in verdicts:
        if verdict.found != "equivalent":
            modules[verdict.mutant.file][0] += verdict.noticed
            modules[verdict.mutant.file][1] += 1
    noticed, counted = (sum(column) for column in zip(*modules.values(), strict=True))
    fields = (*_KEY, "line", "kind")
    mutants = [
        {name: getattr(verdict.mutant, name) for name in fields}
        | {name: getattr(verdict, name) for name in ("found", "test", "ran", "of", "wall_s")}
        for verdict in verdicts
    ]
    score = {"score": noticed / counted, "noticed": noticed, "counted": counted}
    return {**score, "modules": modules, "mutants": mutants}


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--tree", type=Path, default=Path(), help="checkout to try")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draw")
    parser.add_argument("--count", type=int, default=320, help="mutants in all")
    parser.add_argument("--only", action="append", help="path below src, again for more")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    parser.add_argument("--budget", type=float, default=25, help="tests of a mutant [s]")
    parser.add_argument("--equivalent", type=Path, default=EQUIVALENT, help="list to leave out")
    parser.add_argument("--json", type=Path, help="file for every verdict")
    given = parser.parse_args(words)
    source = given.tree.resolve()
    sources = read_sources(source)
    equal, stale = equivalents(given.equivalent, sources)
    if given.only:
        sources = {f: text for f, text in sources.items() if f.startswith(tuple(given.only))}
    mutants = choose(sources, given.count, given.seed)
    began = time.monotonic()
    preload(source)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trees = [Path(folder).resolve() / f"tree{number}" for number in range(given.jobs)]
        for tree in trees:
            copy_tree(source, tree)
        files = sorted((trees[0] / "tests").rglob("test_*.py"))
        reach = measure([file.relative_to(trees[0]).as_posix() for file in files], trees)
        print(f"{len(reach.seconds)} tests, {time.monotonic() - began:.0f} s", flush=True)
        if reach.failed:
            print("error: these fail as they are:", *reach.failed, sep="\n  ")
            return 2
        same = [Verdict(mutant, "equivalent") for mutant in mutants if mutant.key in equal]
        left = [mutant for mutant in mutants if mutant.key not in equal]
        verdicts = same + judge(left, reach, trees, given.budget)
    gc.unfreeze()  # else some modules complain at the end
    result = summary(verdicts) | {"seed": given.seed, "wall_s": time.monotonic() - began}
    result["stale"] = stale
    if given.json:
        given.json.write_text(json.dumps(result, indent=1))
    for file, (noticed, counted) in sorted(result["modules"].items()):
        print(f"{noticed:4} of {counted:3}  {file}")
    for verdict in verdicts:
        if not verdict.noticed and verdict.found != "equivalent":
            print(verdict)
    print(f"{result['score']:.1%}: {result['noticed']} of {result['counted']} noticed, ", end="")
    print(f"{len(same)} more are equivalent, {result['wall_s']:.0f} s")
    print(
        *(f"error: {name} is no mutant any more: mend {given.equivalent.name}" for name in stale),
        sep="\n",
    )
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
