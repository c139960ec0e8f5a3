"""The rules of the house: who may import whom, what the engine may know, where a test is."""

import ast
import re
import runpy
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
ROOMS = {"data", "models", "tasks", "callbacks"}
WINGS = {"evaluation", "deployment", "statistics", "search"}
# Each layer of the engine imports only itself and those before it.
LAYERS = ["console", "files", "records", "checkpoints", "exact", "training", "jobs"]
COMPAT, SEED = "src.engine.lightning_compat", "src.engine.seed"
BESIDE = {COMPAT, SEED}  # the layers, any of which may import them: they import nothing of ours
VERBS = [file.stem for file in (ROOT / "src").glob("*.py") if "__main__" in file.read_text()]
EXCEPTIONS = {  # an import that no rule allows, with its reason
    ("src.evaluate", "src.callbacks.temperature"): "what a run fits can be fitted again after it",
}
# What the engine does not know, so that it serves whatever the rooms hold.
TASK_WORDS = {"label", "class", "acc", "image", "pixel", "logit", "network", "digit"}
OF_LIBRARIES = re.compile(  # names of jsonargparse and Lightning, of Python's classes
    r"class_path|class_parts|parser_class|instantiate_classes|add_lightning_class_args|torchmetrics\.image"
)
KNOWN_WORDS = {  # file of the engine -> words that mean something else there, or must be said
    "checkpoints/allowed.py": {"image"},  # metrics of torchmetrics are named after it
    "checkpoints/confined.py": {"class"},  # Python's, as in the next two
    "console/explain.py": {"class"},
    "checkpoints/published.py": {"class"},
    "records/changes.py": {"class", "network"},  # a setting that may not change in a run
    "console/masked.py": {"class", "image"},  # parts of names that hold no secret
    "console/command_line.py": {"class", "image", "network"},  # what one room hands to another
    "records/run_logger.py": {"image"},  # what loggers call a picture
    "__init__.py": {"image"},  # the same
    "checkpoints/weights.py": {"network"},  # the part of a task whose weights are exported
    "files/shape.py": {"image", "network"},  # what is in files of older runs, and in ledgers
    "records/heartbeat.py": {"image"},
    "records/run_record.py": {"image"},
    "records/ledger.py": {"network"},
    "training/result.py": {"network"},
    "jobs/group.py": {"digit"},  # in a name
}


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(file) for file in SOURCES}
ENGINE = [file for file in SOURCES if "engine" in file.parts]


def imports(source: str) -> set[str]:
    """Name every module of ours that a source imports, wherever in it the import stands."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inner & MODULES
            found |= set() if inner <= MODULES else {node.module}
    return {name for name in found if name.split(".")[0] == "src"}


def part(module: str) -> str:
    """Name the part of the house that a module is in: a room, a wing, a layer, or its own name."""
    parts = module.split(".")
    if module in BESIDE:
        return "beside"
    if parts[1:2] == ["engine"]:
        return parts[2] if len(parts) > 2 else "engine"
    return parts[1] if len(parts) > 1 else "src"


def allowed(here: str) -> set[str]:
    """List the parts of the house that a part may import, besides itself."""
    if here in ("src", "batch", "beside"):
        return set()
    if here in LAYERS:
        return {"beside", *LAYERS[: LAYERS.index(here)]}
    if here in ROOMS:
        return {"batch", "engine"}
    engine = {"engine", "beside", *LAYERS}
    return engine if here == "engine" else {"batch", *engine, *(() if here in WINGS else WINGS)}


def violations(module: str, imported: set[str]) -> set[str]:
    """List the imports that the house forbids to a module."""
    here = part(module)
    return {
        name
        for name in imported
        if part(name) not in allowed(here)
        and (part(name) != here or name == module or module in BESIDE)
        and (module, name) not in EXCEPTIONS
    }


@pytest.mark.parametrize("file", SOURCES, ids=module_name)
def test_module_imports_only_what_it_may(file: Path) -> None:
    assert not violations(module_name(file), imports(file.read_text()))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("src.models.cnn", "import src.data"),
        ("src.models.cnn", "from src import data"),
        ("src.models.cnn", "from src.data.mnist import X"),
        ("src.data.mnist", "from src.engine.console.printable import printable"),
        ("src.data.mnist", "from src.engine import console"),
        ("src.engine.console.note", "from src.engine.files.run import Run"),
        ("src.engine.console.note", "from src.engine import Metric"),
        ("src.engine.jobs.jobs", "from src.batch import Batch"),
        ("src.engine.jobs.jobs", "import src.data"),
        ("src.engine.training.cli", "from src.evaluation.page import render"),
        (COMPAT, "from src.engine.console.note import note"),
        (SEED, "from src.engine.lightning_compat import log_interval"),
        ("src.search.search", "from src.statistics.estimate import estimate"),
        ("src.evaluation.page", "from src.callbacks.curves import Curves"),
        ("src.batch", "from src.engine import Metric"),
        ("src.evaluate", "from src.train import main"),
        ("src.evaluate", "from src.data import MNISTDataModule"),
    ],
)
def test_forbidden_import_is_found(module: str, source: str) -> None:
    assert violations(module, imports(source))


def test_every_exception_is_needed() -> None:
    for module, name in EXCEPTIONS:
        file = ROOT / "src" / f"{module.removeprefix('src.').replace('.', '/')}.py"
        assert name in imports(file.read_text())


def test_imports_have_no_cycle() -> None:
    graph = {module_name(file): imports(file.read_text()) for file in SOURCES}
    TopologicalSorter(graph).prepare()


def docstrings(tree: ast.AST) -> set[ast.AST]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    first = [node.body[0] for node in ast.walk(tree) if isinstance(node, kinds) and node.body]
    said = {each.value for each in first if isinstance(each, ast.Expr)}
    return {each for each in said if isinstance(each, ast.Constant)}


def words(source: str) -> Iterator[tuple[int, str]]:
    """Give each word in identifiers and strings, with its line; not those of docstrings."""
    tree = ast.parse(source)
    prose = docstrings(tree)
    for node in ast.walk(tree):
        values = [value for name, value in ast.iter_fields(node) if isinstance(value, str)]
        for text in () if node in prose else values:
            for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", OF_LIBRARIES.sub("", text)):
                yield getattr(node, "lineno", 0), re.sub(r"(?<!s)s$|(?<=s)es$", "", word.lower())


@pytest.mark.parametrize("file", ENGINE, ids=module_name)
def test_engine_knows_no_task(file: Path) -> None:
    known = KNOWN_WORDS.get(str(file.relative_to(ROOT / "src" / "engine")), set())
    found = {(line, word) for line, word in words(file.read_text()) if word in TASK_WORDS - known}
    assert not found


@pytest.mark.parametrize("name", KNOWN_WORDS)
def test_every_known_word_is_there(name: str) -> None:
    said = {word for _, word in words((ROOT / "src" / "engine" / name).read_text())}
    assert KNOWN_WORDS[name] <= said


@pytest.mark.parametrize(
    "source",
    [
        "num_classes = 1",
        "def of(labels): ...",
        "x.test_acc",
        "f(image=1)",
        "class ImageGrid: ...",
        "a = 'val/acc'",
        "f'{n} images/s'",
        "from a import LOGITS_DIM",
    ],
)
def test_word_of_a_task_is_found(source: str) -> None:
    assert TASK_WORDS & {word for _, word in words(source)}


@pytest.mark.parametrize(
    "source", ["'''An image.'''", "class A: ...", "class_path = isdigit", "# acc"]
)
def test_word_that_means_something_else_is_not(source: str) -> None:
    assert not TASK_WORDS & {word for _, word in words(source)}


def test_engine_publishes_what_it_names() -> None:
    import src.engine

    published = src.engine._PUBLISHED
    typed = re.findall(r"    from (\S+) import (\w+) as", Path(src.engine.__file__).read_text())
    assert published == {name: where for where, name in typed}
    assert all(getattr(src.engine, name) for name in published)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        src.engine.nothing  # noqa: B018


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


def test_every_folder_is_of_the_house() -> None:
    folders = {file.relative_to(ROOT / "src").parts[:-1] for file in SOURCES}
    assert {parts[0] for parts in folders if parts} == ROOMS | WINGS | {"engine"}
    assert {parts[1] for parts in folders if parts[:1] == ("engine",) and parts[1:]} == set(LAYERS)


def test_no_package_is_called_as_a_verb_is() -> None:
    assert not {part for file in SOURCES for part in file.relative_to(ROOT).parts[:-1]} & {*VERBS}


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
