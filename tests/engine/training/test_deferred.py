import builtins
import importlib
import sys
from pathlib import Path

import pytest

from src.engine.training.deferred import deferred


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
    for name in ("heavy", "heavy.part", "naming", "stranger"):
        sys.modules.pop(name, None)


def test_named_package_is_not_loaded() -> None:
    with deferred("naming", "heavy"):
        importlib.import_module("naming")
    assert "heavy" not in sys.modules


def test_what_was_named_works_when_it_is_used() -> None:
    with deferred("naming", "heavy"):
        naming = importlib.import_module("naming")
    assert naming.twice(4) == naming.part.twice(4) == naming.heavy.part.twice(4) == 8
    assert naming.heavy.weight == 3


def test_later_imports_get_the_package_itself() -> None:
    with deferred("naming", "heavy"):
        importlib.import_module("naming")
    assert Path(importlib.import_module("heavy").__file__).name == "__init__.py"


def test_loaded_package_stays() -> None:
    heavy = importlib.import_module("heavy")
    with deferred("naming", "heavy"):
        naming = importlib.import_module("naming")
    assert naming.heavy is heavy


def test_missing_attribute_is_an_attribute_error() -> None:
    with deferred("naming", "heavy"):
        naming = importlib.import_module("naming")
    with pytest.raises(AttributeError, match="height"):
        _ = naming.heavy.height


def test_class_that_was_named_is_a_class(tmp_path: Path) -> None:
    (tmp_path / "heavy" / "kind.py").write_text("class Kind: pass\n")
    code = "from heavy.kind import Kind\nclass Own(Kind): pass\n"
    (tmp_path / "naming.py").write_text(code)
    with deferred("naming", "heavy"):
        naming = importlib.import_module("naming")
    assert isinstance(naming.Own(), naming.Kind)
    assert not isinstance(3, naming.Kind)


def test_other_packages_get_the_package_itself(tmp_path: Path) -> None:
    # transformers, which torchmetrics names, looks through torchvision as it is loaded.
    (tmp_path / "stranger.py").write_text("import heavy\nweight = heavy.weight + 1\n")
    (tmp_path / "naming.py").write_text(
        "import heavy.part, stranger\nfrom stranger import weight\n"
    )
    with deferred("naming", "heavy"):
        naming = importlib.import_module("naming")
    assert naming.weight == 4
    assert naming.heavy.part.twice(4) == 8


def test_missing_package_is_missed(tmp_path: Path) -> None:
    (tmp_path / "naming.py").write_text("import not_installed\n")
    with pytest.raises(ModuleNotFoundError), deferred("naming", "not_installed"):
        importlib.import_module("naming")


def test_failure_inside_leaves_no_trace() -> None:
    before = builtins.__import__
    with pytest.raises(ModuleNotFoundError), deferred("naming", "heavy"):
        importlib.import_module("naming_nothing")
    assert builtins.__import__ is before
    assert "heavy" not in sys.modules
