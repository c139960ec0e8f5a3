import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from src.engine.checkpoints.remembered import memory_file, remember, remembered


def test_entry_is_remembered_once(memory: Path) -> None:
    assert remembered() == []
    for _ in range(2):
        assert remember({"package": "my_lab", "file": "x"})
    assert remembered() == [{"package": "my_lab", "file": "x"}]
    assert memory_file() == memory


def test_damaged_lines_are_passed_over(memory: Path) -> None:
    memory.parent.mkdir(parents=True)
    memory.write_text('nonsense\n[1]\n{"config": "a"}\n{"con')
    assert remember({"config": "b"})
    assert remembered() == [{"config": "a"}, {"config": "b"}]


def test_processes_lose_nothing_of_each_other() -> None:
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda number: remember({"config": str(number)}), range(100)))
    assert len(remembered()) == 100


def test_only_the_user_can_read_it(memory: Path) -> None:
    remember({"config": "a"})
    assert memory.stat().st_mode & 0o077 == 0


def test_memory_that_cannot_be_written_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", os.devnull)
    monkeypatch.setattr("src.engine.checkpoints.remembered._of_this_process", [])
    assert not remember({"config": "a"})
    assert remembered() == [{"config": "a"}]


def test_without_the_variable_it_is_in_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert memory_file().is_relative_to("/home/someone/.local/state")
