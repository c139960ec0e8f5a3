import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutations import allot, choose, mutants_of, read_sources

ROOT = Path(__file__).parents[1]
LEAST = 0.9  # share of the mutants that the tests notice

SOURCE = '''"""A module."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    LIMIT = 1


@dataclass(frozen=True)
class Point:
    """A point."""


def find(values: list[int], mode: str = "max", most: int = 3) -> int | None:
    """Find 1 value."""
    if not values and mode in ("max", "min"):
        raise ValueError("1 " + mode)
    print(
        f"{len(values) + 1}",
    )
    for value in values[:most]:
        if value < 0.5:
            break
        total += value
    if values == sorted(zip(values, strict=True), help=f"{values}"):
        return False
    return max(values, key=lambda value: -value)
'''
TOY = {
    "src/__init__.py": "",
    "src/toy.py": "def half(n: int) -> int:\n    return n // 2\n\n\nBIG = 5\nUNSEEN = 7\n",
    "tests/test_toy.py": "from src.toy import BIG, half\n\n\ndef test_half():\n"
    "    assert half(4) == 2\n\n\ndef test_big():\n    assert BIG > 4\n",
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = ['--import-mode=importlib']\n"
    "pythonpath = ['.']\n",
}


def changes(source: str) -> set[tuple[str, str]]:
    return {(mutant.before, mutant.after) for mutant in mutants_of("src/a.py", source)}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a < b", "a <= b"),
        ("a not in b", "a in b"),
        ("a is b", "a is not b"),
        ("a and b", "a or b"),
        ("not a", " a"),
        ("é - b", "é + b"),
        ("a * (b)", "a / (b)"),
        ("7", "8"),
        ("0.5", "1.5"),
        ("True", "False"),
        ("a if b else c", "a if not (b) else c"),
        ("[a for a in b if c]", "[a for a in b if not (c)]"),
        ("a[b:]", "a[:]"),
        ("a['key']", 'a["XXkey"]'),
        ("min(a)", "max(a)"),
        ("f(a, b=c)", "f(a, )"),
        ("f(b=c, d=e)", "f( d=e)"),
        ("f(mode='max')", 'f(mode="XXmax")'),
    ],
)
def test_expression_is_changed_in_its_place(before: str, after: str) -> None:
    assert (f"x = {before}", " ".join(f"x = {after}".split())) in changes(f"x = {before}\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("return max(values, key=lambda value: -value)", "return None"),
        ('print( f"{len(values) + 1}", )', "pass"),
        ("break", "continue"),
        ("total += value", "total -= value"),
        ("if value < 0.5:", "if not (value < 0.5):"),
    ],
)
def test_statement_is_changed_in_its_place(before: str, after: str) -> None:
    assert (before, after) in changes(SOURCE)


def test_default_is_changed() -> None:
    head = 'def find(values: list[int], mode: str = "max", most: int = 3) -> int | None:'
    assert (head, head.replace("3", "4")) in changes(SOURCE)
    assert (head, head.replace("max", "XXmax")) in changes(SOURCE)


@pytest.mark.parametrize("text", ["LIMIT", "TYPE_CHECKING", "frozen", "raise", '"""'])
def test_what_nobody_runs_or_reads_is_left_alone(text: str) -> None:
    assert not any(text in before for before, _ in changes(SOURCE))


def test_what_changes_nothing_that_matters_is_left_alone() -> None:
    found = {after for before, after in changes(SOURCE) if "strict" in before or "False" in before}
    assert found == {
        'if values != sorted(zip(values, strict=True), help=f"{values}"):',
        "return True",
    }


def test_lines_keep_their_numbers() -> None:
    lines = SOURCE.count("\n")
    assert all(mutant.text.count("\n") == lines for mutant in mutants_of("src/a.py", SOURCE))


def test_draw_depends_on_the_seed_alone() -> None:
    sources = {"src/a.py": SOURCE}
    first, again = choose(sources, 5, 0), choose(sources, 5, 0)
    assert first == again
    assert first != choose(sources, 5, 1)


def test_draw_survives_moved_lines() -> None:
    moved = choose({"src/a.py": SOURCE.replace("\n\n\n", "\n\n\n\n")}, 5, 0)
    assert [mutant.key for mutant in moved] == [
        mutant.key for mutant in choose({"src/a.py": SOURCE}, 5, 0)
    ]


def test_shares_are_one_each_and_the_rest_by_size() -> None:
    assert allot({"a": 1, "b": 30, "c": 70, "d": 0}, 13) == {"a": 1, "b": 4, "c": 8}


def test_every_module_with_code_has_a_mutant() -> None:
    found = read_sources(ROOT).items()
    sources = {file: text for file, text in found if file.startswith("src/search/")}
    drawn = {mutant.file for mutant in choose(sources, 10, 0)}
    assert drawn == {file for file in sources if not file.endswith("__init__.py")}


def run(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.mutants", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def write_toy(folder: Path) -> None:
    for name, text in TOY.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    subprocess.run(["git", "init", "-q", folder], check=True)


def test_toy_mutants_are_killed_or_survive(tmp_path: Path) -> None:
    write_toy(tmp_path / "toy")
    entry = 'file = "src/toy.py"\nfunction = ""\nafter = "UNSEEN = 8"\nbefore = '
    listed = f"[[mutant]]\n{entry}'UNSEEN = 7'\n[[mutant]]\n{entry}'GONE = 7'\n"
    (tmp_path / "equivalent.toml").write_text(listed)
    options = ["--tree=toy", "--json=found.json", "--equivalent=equivalent.toml"]
    outcome = run(*options, cwd=tmp_path)
    found = json.loads((tmp_path / "found.json").read_text())
    assert {mutant["after"]: mutant["found"] for mutant in found["mutants"]} == {
        "return n * 2": "killed",
        "return n // 3": "killed",
        "return None": "killed",
        "BIG = 6": "survives",
        "UNSEEN = 8": "equivalent",
    }
    assert found["score"] == 0.75
    assert found["stale"] == ["src/toy.py: GONE = 7"]
    assert outcome.returncode == 1


def test_red_toy_is_refused(tmp_path: Path) -> None:
    write_toy(tmp_path)
    (tmp_path / "tests" / "test_red.py").write_text("def test_red():\n    assert False\n")
    outcome = run(cwd=tmp_path)
    assert outcome.returncode == 2
    assert "tests/test_red.py::test_red" in outcome.stdout


def test_unsteady_test_judges_nothing(tmp_path: Path) -> None:
    write_toy(tmp_path)
    (tmp_path / "tests" / "test_toy.py").write_text(
        "from pathlib import Path\nfrom src.toy import half\n\n\ndef test_half():\n"
        f"    seen = Path({str(tmp_path / 'seen')!r})\n    before = seen.exists()\n"
        "    seen.touch()\n    assert before\n    assert half(4) == 2\n"
    )
    outcome = run("--json=found.json", cwd=tmp_path)
    assert "note: tests/test_toy.py::test_half failed once" in outcome.stdout
    assert json.loads((tmp_path / "found.json").read_text())["score"] == 0


@pytest.mark.mutants
def test_tests_notice_most_mutants(tmp_path: Path) -> None:
    outcome = run(f"--json={tmp_path / 'found.json'}")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert json.loads((tmp_path / "found.json").read_text())["score"] >= LEAST, outcome.stdout
