import importlib
import sys
from pathlib import Path

import pytest

from src.experiment.deferred import deferred


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Make a package `heavy`, and one that names it."""
    folder = tmp_path / "heavy"
    folder.mkdir()
    (folder / "__init__.py").write_text("weight = 3\n")
    (folder / "part.py").write_text("def twice(x): return 2 * x\n")
    code = "import heavy.part\nfrom heavy import part, weight\nfrom heavy.part import twice\n"
    (tmp_path / "naming.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("heavy", "heavy.part", "naming"):
        sys.modules.pop(name, None)


def test_named_package_is_not_loaded() -> None:
    with deferred("heavy"):
        importlib.import_module("naming")
    assert "heavy" not in sys.modules


def test_what_was_named_works_when_it_is_used() -> None:
    with deferred("heavy"):
        naming = importlib.import_module("naming")
    assert naming.twice(4) == naming.part.twice(4) == naming.heavy.part.twice(4) == 8
    assert naming.heavy.weight == 3


def test_later_imports_get_the_package_itself() -> None:
    with deferred("heavy"):
        importlib.import_module("naming")
    assert Path(importlib.import_module("heavy").__file__).name == "__init__.py"


def test_loaded_package_stays() -> None:
    heavy = importlib.import_module("heavy")
    with deferred("heavy"):
        naming = importlib.import_module("naming")
    assert naming.heavy is heavy


def test_missing_attribute_is_an_attribute_error() -> None:
    with deferred("heavy"):
        naming = importlib.import_module("naming")
    with pytest.raises(AttributeError, match="height"):
        _ = naming.heavy.height


def test_failure_inside_leaves_no_trace() -> None:
    before = [*sys.meta_path]
    with pytest.raises(ModuleNotFoundError), deferred("heavy"):
        importlib.import_module("naming_nothing")
    assert sys.meta_path == before
    assert "heavy" not in sys.modules
