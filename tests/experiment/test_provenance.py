import json
import subprocess
from pathlib import Path

import pytest
from lightning.pytorch import Trainer

from src.experiment.provenance import code_state, differences, provenance
from tests.tiny_mnist import TinyMNIST


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for words in (
        ["init", "-q"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(["git", "-C", tmp_path, *words], check=True)
    (tmp_path / "code.py").write_text("before\n")
    subprocess.run(["git", "-C", tmp_path, "add", "code.py"], check=True)
    return tmp_path


def test_code_that_is_not_committed_is_recorded(repository: Path) -> None:
    (repository / "new.py").touch()
    state = code_state(repository)
    assert len(state["commit"]) == 40
    assert "+before" in state["diff"]
    assert state["status"].splitlines() == ["A  code.py", "?? new.py"]
    assert state["carries"] == "1 file, 1 line: code.py"


def test_long_diff_is_cut(repository: Path) -> None:
    (repository / "code.py").write_text("x" * 2_000_000)
    diff = code_state(repository)["diff"]
    assert len(diff) < 1_100_000
    assert diff.endswith("[cut]")


def test_summary_of_changes_names_a_few_files(repository: Path) -> None:
    for name in ("a.py", "b.bin", "c.py"):
        (repository / name).write_bytes(b"\0" if name == "b.bin" else b"1\n2\n")
    subprocess.run(["git", "-C", repository, "add", "."], check=True)
    assert code_state(repository)["carries"] == "4 files, 5 lines: a.py, b.bin, c.py, ..."


def test_code_without_git_is_no_failure(tmp_path: Path, monkeypatch) -> None:
    assert code_state(tmp_path)["commit"] == ""
    monkeypatch.setenv("PATH", "")
    assert code_state(tmp_path) == dict.fromkeys(("commit", "status", "diff", "carries"), "")


def test_provenance_is_plain_and_whole() -> None:
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    now = provenance(trainer, TinyMNIST())
    assert json.loads(json.dumps(now)) == now
    assert {"torch", "lightning", "device", "threads", "processes"} <= set(now["inputs"])
    assert now["inputs"]["data t10k-labels-idx1-ubyte"] in TinyMNIST.checksums.values()
    assert now["packages"]["torch"] == now["inputs"]["torch"]
    assert now["command"].split()[0].startswith("python")


def test_difference_of_two_sessions_is_named() -> None:
    git = {"commit": "a" * 40, "status": "", "diff": ""}
    before = {"inputs": {"torch": "1", "threads": "2"}, "git": git}
    now = {"inputs": {"torch": "1", "threads": "4", "gpu": "x"}, "git": {**git, "diff": "+y"}}
    assert differences(before, before) == []
    assert differences(before, now) == [
        "threads 2 -> 4",
        "gpu none -> x",
        "uncommitted changes of the code",
    ]
    moved = {"inputs": before["inputs"], "git": {**git, "commit": "b" * 40}}
    assert differences(before, moved) == ["commit aaaaaaaa -> bbbbbbbb"]
