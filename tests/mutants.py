"""Tell how much the tests notice: `python -m tests.mutants` tries seeded changes of `src`.

First every file of tests runs once as it is, in a process of its own, which tells what runs which
line and how long it takes. Then each mutant runs the tests that reach it, until one fails; it is
counted if the same tests pass without it. All processes are forks of this one, which has imported
what others wrote, but nothing of the tree; each works in a copy of the tree.
"""

import argparse
import gc
import json
import os
import sys
import tempfile
import time
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.forks import Job, copy_tree, preload, run_jobs
from tests.mutations import Mutant, choose, mutants_of, read_sources

EQUIVALENT = Path(__file__).with_name("mutants.toml")
_KEY = ("file", "function", "before", "after")


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
    unsteady: set[str] = field(default_factory=set)  # failed once: they judge no mutant
    failed: list[str] = field(default_factory=list)  # twice

    def add(self, result: dict[str, Any], tree: Path) -> None:
        self.seconds |= result["seconds"]
        for path, by_test in result["lines"].items():
            source = Path(path).relative_to(tree).as_posix()
            for test, lines in by_test.items():
                if test:
                    self.lines[source][test] = set(lines)
            if by_test:
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
        order = sorted(
            found - self.unsteady, key=lambda t: (not t.startswith(own), self.seconds[t], t)
        )
        chosen, spent = [], 0.0
        for test in order:
            spent += self.seconds[test]
            if chosen and spent > budget_s:
                break
            chosen.append(test)
        return chosen, len(order)


def measure(files: list[str], trees: list[Path]) -> Reach:
    """Run each file of tests as it is, the largest first, and once again if it fails."""
    reach = Reach()
    by_size = sorted(files, key=lambda file: (trees[0] / file).stat().st_size, reverse=True)
    again = []
    for job, tree, result in run_jobs([Job([file]) for file in by_size], trees):
        if result.get("code") in (0, 5):
            reach.add(result, tree)
        else:
            reach.unsteady |= set(result.get("failed", ()))
            again.append(job)
    for job, tree, result in run_jobs(again, trees):
        if result.get("code") in (0, 5):
            reach.add(result, tree)
        else:
            reach.failed += result.get("failed") or job.tests
            print(tree.with_suffix(".log").read_text()[-3000:], flush=True)
    return reach


def judge(mutants: list[Mutant], reach: Reach, trees: list[Path], budget_s: float) -> list[Verdict]:
    """Try each mutant, and what noticed it again without it."""
    verdicts, jobs = {}, []
    for mutant in mutants:
        tests, of = reach.tests_for(mutant, budget_s)
        verdicts[mutant] = Verdict(mutant, "not covered", of=of)
        jobs += [Job(tests, mutant, reach.seconds)] if tests else []
    again = []
    for number, (job, _, result) in enumerate(run_jobs(jobs, trees), 1):
        verdict = verdicts[job.mutant]
        verdict.found = "survives" if result.get("code") in (0, 5) else "killed"
        verdict.found = verdict.found if "code" in result else "hangs or dies"
        verdict.test = (result.get("failed") or [""])[0]
        verdict.ran = len(result.get("seconds", ()))
        verdict.wall_s = round(result["wall_s"], 1)
        print(f"{number}/{len(jobs)} {verdict}", flush=True)
        if verdict.noticed:
            again.append(replace(job, tests=job.tests[: verdict.ran or None], changed=False))
    for job, _, result in run_jobs(again, trees):
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


def show(result: dict[str, Any], verdicts: list[Verdict]) -> None:
    """Print the modules, what nobody noticed, and the score."""
    for file, (noticed, counted) in sorted(result["modules"].items()):
        print(f"{noticed:4} of {counted:3}  {file}")
    found = [verdict for verdict in verdicts if verdict.found != "equivalent"]
    print(*(verdict for verdict in found if not verdict.noticed), sep="\n")
    print(f"{result['score']:.1%}: {result['noticed']} of {result['counted']} noticed, ", end="")
    print(f"{len(verdicts) - len(found)} more are equivalent, {result['wall_s']:.0f} s")


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
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # there are as many processes as processors
    preload(source)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trees = [Path(folder).resolve() / f"tree{number}" for number in range(given.jobs)]
        for tree in trees:
            copy_tree(source, tree)
        files = sorted((trees[0] / "tests").rglob("test_*.py"))
        reach = measure([file.relative_to(trees[0]).as_posix() for file in files], trees)
        print(f"{len(reach.seconds)} tests, {time.monotonic() - began:.0f} s", flush=True)
        for test in sorted(reach.unsteady):
            print(f"note: {test} failed once")
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
    show(result, verdicts)
    for name in stale:
        print(f"error: {name} is no mutant any more: mend {given.equivalent.name}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
