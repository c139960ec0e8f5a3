import json
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace as Fake

import pytest
import torch
from lightning.pytorch import Trainer

from src.engine.records import provenance as of_session
from src.engine.records.provenance import _inputs, code_state, differences, provenance
from tests.tiny_mnist import TinyMNIST


@pytest.fixture
def repository(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
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


def test_loaded_code_that_git_does_not_know_is_recorded(
    repository: Path, tmp_path_factory, monkeypatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name, folder in (("new_lab", repository), ("other_lab", elsewhere), ("code", repository)):
        (folder / f"{name}.py").write_text(f"of = '{name}'\n\n")
        monkeypatch.setitem(sys.modules, name, Fake(__file__=str(folder / f"{name}.py")))
    (repository / "unused.py").write_text("x = 1\n")
    (repository / "site-packages").mkdir()
    (repository / "site-packages" / "lib.py").write_text("lib = 1\n")
    library = Fake(__file__=str(repository / "site-packages" / "lib.py"))
    monkeypatch.setitem(sys.modules, "lib", library)
    monkeypatch.chdir(elsewhere)
    state = code_state(repository)
    for name in ("new_lab", "other_lab"):
        assert (
            f"--- /dev/null\n+++ b/{name}.py\n@@ -0,0 +1,2 @@\n+of = '{name}'\n+" in state["diff"]
        )
    assert state["diff"].count("+of = 'code'") == 1
    assert not any(word in state["diff"] for word in ("x = 1", "lib = 1"))
    assert state["carries"] == "3 files, 6 lines: code.py, new_lab.py, other_lab.py"


def test_code_without_git_is_recorded_where_the_user_works(tmp_path: Path, monkeypatch) -> None:
    for folder in ("source", "work"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"of_{folder}.py").write_text("x = 1\n")
        module = Fake(__file__=str(tmp_path / folder / f"of_{folder}.py"))
        monkeypatch.setitem(sys.modules, f"of_{folder}", module)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.chdir(tmp_path / "work")
    state = code_state(tmp_path / "source")
    assert (state["commit"], state["carries"]) == ("", "1 file, 1 line: of_work.py")


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
    monkeypatch.chdir(tmp_path)
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


def test_session_tells_its_step_its_words_and_its_weights(monkeypatch) -> None:
    monkeypatch.setattr("sys.orig_argv", ["x", "-m", "a b", "--x.api_key=hunter2X"])
    trainer = Fake(global_step=7, strategy=Fake(root_device=torch.device("cpu")), world_size=3)
    before = datetime.now(UTC).isoformat(timespec="milliseconds")
    now = provenance(trainer, None, "w.pt 01")
    assert len(now["began"]) == len(before)
    assert before <= now["began"] <= datetime.now(UTC).isoformat(timespec="milliseconds")
    assert (now["from_step"], now["inputs"]["weights"], now["inputs"]["processes"]) == (
        *(7, "w.pt 01"),
        "3",
    )
    words = now["command"].split(" ", 1)
    assert words[0] == Path(sys.executable).name
    assert words[1].startswith("-m 'a b' ")
    assert "hunter2X" not in words[1]
    assert set(now["git"]) == {"commit", "status", "diff", "carries"}
    assert "weights" not in provenance(trainer, None)["inputs"]


def test_inputs_name_the_device_and_the_data(monkeypatch) -> None:
    monkeypatch.setattr("torch.cuda.get_device_name", {torch.device("cuda"): "H100"}.get)
    trainer = Fake(strategy=Fake(root_device=torch.device("cuda")), world_size=1)
    found = _inputs(trainer, Fake(checksums={"a": 1}))
    assert found == {
        **{name: version(name) for name in ("torch", "lightning", "numpy")},
        **{"python": platform.python_version(), "device": "H100", "data a": "1"},
        **{"threads": str(torch.get_num_threads()), "processes": "1"},
    }


def test_packages_are_sorted_and_in_small_letters(monkeypatch) -> None:
    named = [Fake(metadata={"Name": name, "Version": "1"}) for name in ("b", "PyYAML", "a")]
    monkeypatch.setattr("importlib.metadata.distributions", lambda: named)
    found = of_session._packages.__wrapped__()
    assert list(found.items()) == [("a", "1"), ("b", "1"), ("pyyaml", "1")]


@pytest.mark.parametrize(("length", "cut"), [(999_999, False), (1_000_000, True)])
def test_diff_of_a_million_characters_is_cut_at_a_line(length: int, cut: bool, monkeypatch) -> None:
    said = {"diff HEAD": f"{'x' * (length - 10)}\n12345678y", "rev-parse HEAD": "c"}
    monkeypatch.setattr(of_session, "_git", lambda _, *words: said.get(" ".join(words), ""))
    state = code_state(Path())
    assert (len(state["diff"]), state["diff"][-6:]) == (
        (length - 10 + 6, "\n[cut]") if cut else (length, "45678y")
    )
    assert (state["commit"], state["status"], state["carries"]) == ("c", "", "")


def test_secrets_are_in_no_state_of_the_code(repository: Path) -> None:
    (repository / "code.py").write_text("api_key=hunter2X\n")
    (repository / "password=hunter2X").touch()
    subprocess.run(["git", "-C", repository, "add", "."], check=True)
    state = code_state(repository)
    assert "hunter2X" not in str(state)
    assert state["carries"].startswith("2 files, 1 line: code.py, password=")


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ("", ""),
        ("1\t2\ta.py", "1 file, 3 lines: a.py"),
        ("1000\t1\ta\n-\t-\tb", "2 files, 1,001 lines: a, b"),
        ("1\t0\ta\n0\t0\tb\n0\t0\tc", "3 files, 1 line: a, b, c"),
    ],
)
def test_changes_are_counted(rows: str, text: str) -> None:
    assert of_session._carried(rows.splitlines()) == text


def test_commits_and_inputs_that_are_not_known_are_none() -> None:
    git = {"commit": "", "status": "", "diff": ""}
    before = {"inputs": {"gpu": "x"}, "git": git}
    now = {"inputs": {}, "git": {**git, "commit": "b" * 40}}
    assert differences(before, now) == ["gpu x -> none", "commit none -> bbbbbbbb"]
    assert differences(now, before) == ["gpu none -> x", "commit bbbbbbbb -> none"]
    changed = {"inputs": {"gpu": "x"}, "git": {**git, "status": "M a"}}
    assert differences(before, changed) == ["uncommitted changes of the code"]
