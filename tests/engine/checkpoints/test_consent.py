import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from src.engine.checkpoints.consent import (
    _add,
    _memory,
    _remembered,
    find_trusted,
    is_own,
    is_own_package,
    remember,
    trust,
)


def entries() -> list[Any]:
    return [json.loads(line) for line in _remembered() if line]


CODE = """import torch

class Net(torch.nn.Linear): pass
def function(): pass
Linear = torch.nn.Linear
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a package of the user's, and forget it afterwards."""
    folder = tmp_path / "consented_lab"
    (folder / "checkpoints" / "version_1").mkdir(parents=True)
    for file in ("__init__.py", "models.py", "checkpoints/version_1/evil.py"):
        (folder / file).write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.startswith("consented_lab")]:
        del sys.modules[name]


def test_package_that_was_not_used_is_not_imported(lab: Path) -> None:
    with pytest.raises(ValueError, match=r"not used on this machine: .* --trust consented_lab"):
        find_trusted("consented_lab.models.Net")
    assert "consented_lab" not in sys.modules


def test_trusted_package_gives_its_classes(lab: Path, capsys: pytest.CaptureFixture) -> None:
    trust("consented_lab")
    assert "consented_lab" not in sys.modules
    assert find_trusted("consented_lab.models.Net").__module__ == "consented_lab.models"
    assert str(lab) in capsys.readouterr().err


@pytest.mark.parametrize("part", ["__main__", "__init__"])
def test_script_of_a_package_is_not_run(lab: Path, part: str) -> None:
    (lab / "__main__.py").write_text("raise SystemExit")
    trust("consented_lab")
    with pytest.raises(ValueError, match="not on the list"):
        find_trusted(f"consented_lab.{part}.Net")


def test_memory_that_cannot_be_written_lasts_for_the_command(
    lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", os.devnull)
    monkeypatch.setattr("src.engine.checkpoints.consent._of_this_process", [])
    trust("consented_lab")
    assert "this time" in capsys.readouterr().err
    assert find_trusted("consented_lab.models.Net")


def test_used_package_is_trusted(lab: Path) -> None:
    import consented_lab.models

    remember(["consented_lab.models.Net", "torch.nn.Linear", "os.path"])
    assert [entry["package"] for entry in entries()] == ["consented_lab"]
    assert find_trusted("consented_lab.models.Net") is consented_lab.models.Net


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("consented_lab.models.function", "no Module, LightningModule"),
        ("consented_lab.models.missing", "no Module, LightningModule"),
        ("consented_lab.models.Linear", "does not define"),
        ("consented_lab.models.torch.nn.Identity", "no consented_lab.models.torch"),
        ("consented_lab.checkpoints.version_1.evil.Net", "no consented_lab.checkpoints"),
        ("consented_lab", "not on the list"),
        ("consented_lab.", "not on the list"),
        ("consented_lab.models:Net", "not on the list"),
    ],
)
def test_trusted_package_gives_nothing_else(lab: Path, name: str, reason: str) -> None:
    trust("consented_lab")
    with pytest.raises(ValueError, match=reason):
        find_trusted(name)
    assert "consented_lab.checkpoints.version_1.evil" not in sys.modules


def test_package_of_the_same_name_elsewhere_is_another(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust("consented_lab")
    (tmp_path / "else" / "consented_lab").mkdir(parents=True)
    (tmp_path / "else" / "consented_lab" / "__init__.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path / "else")
    with pytest.raises(ValueError, match=r"it was .*__init__\.py, and is .*else"):
        find_trusted("consented_lab.Net")


def test_folder_without_init_is_known_by_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain_lab").mkdir()
    (tmp_path / "plain_lab" / "models.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    trust("plain_lab")
    assert find_trusted("plain_lab.models.Net").__name__ == "Net"
    (tmp_path / "other" / "plain_lab").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path / "other")
    with pytest.raises(ValueError, match="not used on this machine"):
        find_trusted("plain_lab.models.Net")


@pytest.mark.parametrize(
    "name", ["os", "torch", "src", "checkpoints", "data", "nowhere_lab", "a.b", "", "lightning"]
)
def test_only_packages_of_the_users_own_are_trusted(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("checkpoints", "data"):
        (tmp_path / folder).mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="it is no package of your own"):
        trust(name)
    assert entries() == []


@pytest.mark.parametrize("place", ["checkpoints/version_3", "lightning_logs/groups"])
def test_package_among_runs_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    folder = tmp_path / place
    (folder / "run_lab").mkdir(parents=True)
    (folder / "run_lab" / "__init__.py").write_text(CODE)
    monkeypatch.syspath_prepend(folder)
    with pytest.raises(ValueError, match="it is no package of your own"):
        trust("run_lab")


@pytest.mark.parametrize(("length", "shown"), [(80, "a" * 80), (81, "a" * 80 + "...")])
def test_long_name_is_cut(length: int, shown: str) -> None:
    with pytest.raises(ValueError, match=rf"names {shown.replace('.', '[.]')}[ ,]"):
        find_trusted("a" * length)


def test_own_configuration_is_known_to_the_last_character() -> None:
    for config in ("model: x\n", "model: y\n"):
        remember([], config)
    assert is_own("model: x\n")
    assert is_own("model: y\n")
    assert not is_own("model: x")


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("my_lab", True),
        ("torch", False),
        ("os", False),
        ("checkpoints", False),
        ("my-lab", False),
        ("my_lab.nets", False),
        ("", False),
        ("3d", False),
    ],
)
def test_package_of_the_user_is_told(name: str, own: bool) -> None:
    assert is_own_package(name) is own


def test_entry_is_remembered_once(memory: Path) -> None:
    assert entries() == []
    for _ in range(2):
        assert _add('{"package": "my_lab", "file": "x"}')
    assert entries() == [{"package": "my_lab", "file": "x"}]
    assert _memory() == memory


def test_damaged_lines_are_passed_over(memory: Path) -> None:
    memory.parent.mkdir(parents=True)
    memory.write_text('nonsense\n[1]\n{"config": "a"}\n{"con')
    assert _add('{"config": "b"}')
    assert [line for line in _remembered() if line.endswith("}")] == [
        '{"config": "a"}',
        '{"config": "b"}',
    ]
    assert not is_own("x")


def test_processes_lose_nothing_of_each_other() -> None:
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda number: _add(str(number)), range(100)))
    assert len(entries()) == 100


def test_only_the_user_can_read_it(memory: Path) -> None:
    _add('{"config": "a"}')
    assert memory.stat().st_mode & 0o077 == 0


def test_memory_that_cannot_be_written_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", os.devnull)
    monkeypatch.setattr("src.engine.checkpoints.consent._of_this_process", [])
    assert not _add('{"config": "a"}')
    assert entries() == [{"config": "a"}]


def test_without_the_variable_it_is_in_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert _memory().is_relative_to("/home/someone/.local/state")
