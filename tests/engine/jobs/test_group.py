import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace as Fake

import pytest

from src.engine.files.lock import is_held
from src.engine.jobs.group import Group


def make_run(root: Path, version: int, **overview) -> None:
    folder = root / "lightning_logs" / f"version_{version}"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("seed_everything: 0\n")
    (folder / "run.json").write_text(json.dumps(overview))


def test_runs_name_their_group(tmp_path: Path) -> None:
    for version, group in enumerate(["b", "a", None, "b"]):
        make_run(tmp_path, version, group=group)
    assert [group.name for group in Group.all(tmp_path)] == ["a", "b"]
    members = Group(tmp_path, "b").members()
    assert [record.name for record in members] == ["version_0", "version_3"]


def test_damaged_run_is_in_no_group(tmp_path: Path, capsys) -> None:
    for version in (0, 1):
        make_run(tmp_path, version, group="mine")
    (tmp_path / "lightning_logs" / "version_0" / "run.json").write_text("5")
    assert [record.name for record in Group(tmp_path, "mine").members()] == ["version_1"]
    assert [record.name for record in Group(tmp_path, "mine").readable()] == ["version_1"]
    said = capsys.readouterr().err
    assert said.startswith("note: mine: version_0 is left out: ")
    assert said.count("version_0/run.json is damaged") == 1


def test_group_belongs_to_what_made_it(tmp_path: Path) -> None:
    group = Group(tmp_path, "mine")
    group.claim({"config": "a"})
    group.claim({"config": "a"})
    with pytest.raises(ValueError, match="group mine was made with another config"):
        group.claim({"config": "b"})


def test_what_made_a_group_is_told_beside_what_would(tmp_path: Path) -> None:
    group = Group(tmp_path, "mine")
    group.claim({"metric": "val/acc", "fixed": {"a": 1, "best.mode": "last"}})
    said = r"group\.json; best\.mode was last, is last-max; b was not set, is 2\): give"
    with pytest.raises(ValueError, match=said):
        group.claim({"fixed": {"a": 1, "best.mode": "last-max", "b": 2}})
    with pytest.raises(ValueError, match=r"group\.json; was val/acc, is val/loss\): give"):
        group.claim({"metric": "val/loss"})
    with pytest.raises(ValueError, match=r"group\.json; was val/acc, is not set\): give"):
        group.claim({"metric": []})


@pytest.mark.parametrize("file", ["metrics.json", "provenance.json", "config.yaml"])
def test_member_with_a_damaged_file_is_left_out_by_name(tmp_path: Path, capsys, file: str) -> None:
    for version in (0, 1):
        make_run(tmp_path, version, group="mine", seed=version)
    (tmp_path / "lightning_logs" / "version_0" / file).write_text("5")
    assert [record.name for record in Group(tmp_path, "mine").readable()] == ["version_1"]
    said = capsys.readouterr().err
    assert said.startswith("note: mine: version_0 is left out: ")
    assert f"version_0/{file} is " in said


def test_group_of_another_process_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("src.engine.jobs.group.hold", lambda _: False)
    with pytest.raises(OSError, match="group mine is being worked on by another process"):
        Group(tmp_path, "mine").claim({})


@pytest.mark.parametrize("name", ["a/b", "version_3", "last", "-a", ""])
def test_name_that_is_a_path_or_a_run_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=f"--group {name}: a name has letters"):
        Group(tmp_path, name)


@pytest.mark.parametrize(
    ("printed", "kept"),
    [(b"password=hunter2X \xff", b"password=*** \xff"), (b"loss=0.1 \xff", b"loss=0.1 \xff")],
)
def test_log_loses_its_secrets_alone(tmp_path: Path, printed: bytes, kept: bytes) -> None:
    group = Group(tmp_path, "mine")
    group.folder.mkdir(parents=True)
    group.log("seed_1").write_bytes(printed)
    assert group.masked_log("seed_1") == kept
    assert (group.folder / "seed_1.log").read_bytes() == kept


def test_orphans_are_waited_for_while_one_runs(tmp_path: Path, monkeypatch) -> None:
    seen = [["running", "finished"], ["finished", "running"], ["finished", "failed"], ["running"]]
    waited = []
    monkeypatch.setattr(Group, "members", lambda _: [Fake(status=each) for each in seen.pop(0)])
    monkeypatch.setattr("src.engine.jobs.group.time.sleep", waited.append)
    Group(tmp_path, "mine").await_orphans()
    assert waited == [1, 1]
    assert len(seen) == 1


def test_run_whose_driver_was_killed_is_waited_for(tmp_path: Path) -> None:
    make_run(tmp_path, 0, group="mine")
    folder = tmp_path / "checkpoints" / "version_0"
    folder.mkdir(parents=True)
    code = (
        "import time; from pathlib import Path; from src.engine.files.lock import hold; "
        f"hold(Path({str(folder)!r})); print(1, flush=True); time.sleep(0.5)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as orphan:
        orphan.stdout.readline()
        Group(tmp_path, "mine").await_orphans()
        assert not is_held(folder)


def test_group_without_runs_leaves_nothing(tmp_path: Path) -> None:
    group = Group(tmp_path, "mine")
    group.claim({})
    group.discard_if_empty()
    assert not group.folder.exists()
    group.claim({})
    make_run(tmp_path, 0, group="mine")
    group.discard_if_empty()
    assert group.folder.is_dir()


def test_group_waits_no_longer_than_a_quarter_of_a_minute(tmp_path: Path, monkeypatch) -> None:
    waited = []
    monkeypatch.setattr(Group, "members", lambda _: [Fake(status="running")])
    monkeypatch.setattr("src.engine.jobs.group.time.sleep", waited.append)
    Group(tmp_path, "mine").await_orphans()
    assert waited == [1] * 15


def test_what_made_a_group_is_kept_without_secrets(tmp_path: Path) -> None:
    group = Group(tmp_path, "mine")
    group.claim({"kind": "seeds", "x": {"api_key": "hunter2X"}})
    file = group.folder / "group.json"
    assert json.loads(file.read_text()) == {"kind": "seeds", "x": {"api_key": "***"}}
    group.claim({"kind": "seeds", "x": {"api_key": "hunter3X"}})
    said = rf"^group mine was made with another more \({file}; was not set, is 1\): give"
    with pytest.raises(ValueError, match=said):
        group.claim({"kind": "seeds", "more": 1})


@pytest.mark.parametrize("name", ["a", "A_1.b+c-d", "version_", "version_1a", "lastly"])
def test_name_of_a_folder_is_a_name(tmp_path: Path, name: str) -> None:
    assert Group(tmp_path, name).folder == tmp_path / "lightning_logs" / "groups" / name


def test_name_in_a_file_that_cannot_be_one_is_no_group(tmp_path: Path) -> None:
    for version, name in enumerate(["../a", "last", "", "fine"]):
        make_run(tmp_path, version, group=name)
    assert [(group.root, group.name) for group in Group.all(tmp_path)] == [(tmp_path, "fine")]


def test_log_that_has_no_secret_is_not_written_again(tmp_path: Path, monkeypatch) -> None:
    group = Group(tmp_path, "mine")
    group.folder.mkdir(parents=True)
    group.log("seed_1").write_bytes(b"loss=0.1")
    monkeypatch.setattr("src.engine.jobs.group.write_atomic", lambda *_: pytest.fail("written"))
    assert group.masked_log("seed_1") == b"loss=0.1"


def test_group_whose_folder_a_link_leads_away_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lightning_logs").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "lightning_logs" / "groups").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="groups"):
        Group(tmp_path, "mine").claim({})
    assert not list((tmp_path / "elsewhere").iterdir())


def test_group_that_is_gone_can_be_discarded(tmp_path: Path) -> None:
    Group(tmp_path, "mine").discard_if_empty()
