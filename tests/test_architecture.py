"""The house rules: who may import whom, how long a file may be, where its test is."""

import ast
import runpy
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
FOUNDATION = {"src.batch", "src.batch_size", "src.metric", "src.printable", "src.seed"}
PUBLISHED = {"src.experiment.loggers"}  # of the engine for the rooms
ROOMS = {"data", "models", "tasks", "callbacks"}
WINGS = {"experiment", "data", "models", "tasks", "callbacks", "evaluation", "deployment"} | {
    "search",
    "statistics",
}


VERBS = [file.stem for file in (ROOT / "src").glob("*.py") if "__main__" in file.read_text()]


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(file) for file in SOURCES}


def imports(source: str) -> set[str]:
    """Name every module of ours that a source imports, wherever in it the import stands."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & MODULES) or {node.module}
    return {name for name in found if name.split(".")[0] == "src"}


def violations(module: str, imported: set[str]) -> set[str]:
    """List the imports that the house forbids to a module."""
    parts = module.split(".")
    wing = parts[1] if len(parts) > 1 and parts[1] in WINGS else None
    if module in ("src", *FOUNDATION):
        return imported
    if wing is None:  # a verb
        return {
            name for name in imported if name.split(".")[1] not in WINGS and name not in FOUNDATION
        }
    siblings = {name for name in imported if name.startswith(f"src.{wing}.")}
    return imported - siblings - FOUNDATION - (PUBLISHED if wing in ROOMS else set())


@pytest.mark.parametrize("file", SOURCES, ids=module_name)
def test_module_imports_only_what_it_may(file: Path) -> None:
    assert not violations(module_name(file), imports(file.read_text()))


@pytest.mark.parametrize(
    "source",
    [
        "import src.data",
        "from src import data",
        "from src.data.mnist import X",
        "import src.models",
    ],
)
def test_forbidden_import_is_found(source: str) -> None:
    assert violations("src.models.cnn", imports(source))


def test_room_may_import_what_the_engine_publishes_and_nothing_else_of_it() -> None:
    imported = {*PUBLISHED, "src.experiment.record"}
    assert violations("src.callbacks.curves", imported) == {"src.experiment.record"}
    assert violations("src.evaluation.page", imported) == imported


def test_imports_have_no_cycle() -> None:
    graph = {module_name(file): imports(file.read_text()) for file in SOURCES}
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("file", SOURCES, ids=module_name)
def test_file_has_at_most_300_lines(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= 300


@pytest.mark.parametrize(
    "file", [file for file in SOURCES if file.name != "__init__.py"], ids=module_name
)
def test_file_has_its_test(file: Path) -> None:
    test = ROOT / "tests" / file.relative_to(ROOT / "src")
    own, contract = test.with_name(f"test_{file.name}"), test.with_name("test_contract.py")
    assert own.exists() or contract.exists()


def test_verb_may_not_import_a_verb() -> None:
    assert violations("src.evaluate", {"src.train", "src.data"}) == {"src.train"}


def test_every_folder_is_a_wing() -> None:
    assert {
        file.relative_to(ROOT / "src").parts[0] for file in SOURCES if file.parts[-2] != "src"
    } == WINGS


def test_no_room_for_leftovers() -> None:
    names = {part for file in SOURCES for part in file.relative_to(ROOT).with_suffix("").parts}
    assert not names & {"utils", "helpers", "common", "misc", "base"}


@pytest.mark.parametrize("verb", VERBS)
def test_verb_is_a_program(verb: str, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", [verb, "--help"])
    monkeypatch.delitem(sys.modules, f"src.{verb}", raising=False)
    with pytest.raises(SystemExit) as end:
        runpy.run_module(f"src.{verb}", run_name="__main__")
    assert end.value.code == 0
    assert f"usage: python -m src.{verb}" in capsys.readouterr().out
