import hashlib
import json
from pathlib import Path

import pytest

from src.engine.console.command_line import split_arguments
from src.engine.console.failure import UsageError
from src.engine.jobs.group import Group
from src.engine.jobs.jobs import Work
from src.engine.jobs.seed_runs import SeedRuns, parse_seeds, seeds_group
from src.engine.records.run_record import RunRecord
from tests.engine.jobs.test_group import make_run


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", [1]),
        ("3", [1, 2, 3]),
        ("10000", [*range(1, 10_001)]),
        ("3,", [3]),
        ("7,2,7", [7, 2]),
        ("1,5-8", [1, 5, 6, 7, 8]),
        ("11-13", [11, 12, 13]),
    ],
)
def test_seeds_are_a_number_or_a_list(text: str, expected: list[int]) -> None:
    assert parse_seeds(text) == expected


@pytest.mark.parametrize("text", ["0", "10001", "x", "1,,2", "-3", "9-5", "99999999999,", "1.5"])
def test_other_seeds_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="--seeds"):
        parse_seeds(text)


def group_of(root: Path, *words: str):
    default = root / "default.yaml"
    if not default.exists():
        default.write_text("a: 1\n")
    return seeds_group(split_arguments([f"--trainer.default_root_dir={root}", *words]), default)


def test_same_command_means_the_same_group(tmp_path: Path) -> None:
    name = group_of(tmp_path, "--seeds=3").name
    assert name.startswith("default-")
    assert group_of(tmp_path, "--seeds=9", "--jobs=2").name == name
    assert group_of(tmp_path, "--seeds=3", "--model.optimizer.lr=1").name != name


def test_changed_configuration_is_another_group(tmp_path: Path) -> None:
    name = group_of(tmp_path, "--seeds=3").name
    (tmp_path / "default.yaml").write_text("a: 2\n")
    assert group_of(tmp_path, "--seeds=3").name != name


def test_name_of_another_command_is_refused(tmp_path: Path) -> None:
    group_of(tmp_path, "--seeds=3", "--group=mine")
    with pytest.raises(ValueError, match="group mine was made with another options"):
        group_of(tmp_path, "--seeds=3", "--group=mine", "--model.optimizer.lr=1")


def test_seed_is_not_given_twice(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--seed_everything and --seeds exclude each other"):
        group_of(tmp_path, "--seeds=3", "--seed_everything=1")


@pytest.mark.parametrize("name", ["a/b", "version_3", "last", "..", ""])
def test_group_has_a_name_that_is_no_path_or_run(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="--group"):
        group_of(tmp_path, "--seeds=3", f"--group={name}")


def runs_of(root: Path, **metrics: float) -> list[RunRecord]:
    """A finished run of seed 2, a stopped one of seed 3, and a finished one that is not wanted."""
    for version, seed in enumerate((2, 3, 9)):
        make_run(root, version, group="g", seed=seed)
    records = RunRecord.all(root)
    for record in (records[0], records[2]):
        (record.log_dir / "metrics.json").write_text(json.dumps({"steps": 5, **metrics}))
    (records[1].log_dir / "progress.json").write_text('{"step": 3}')
    records[1].run.checkpoint_dir.mkdir(parents=True)
    (records[1].run.checkpoint_dir / "last.ckpt").touch()
    return records


def test_finished_seeds_stay_and_stopped_ones_go_on(tmp_path: Path, capsys) -> None:
    (tmp_path / "c.yaml").write_text("a: 1\n")
    options = ["--config", str(tmp_path / "c.yaml"), "--weights", "w.pt"]
    stopped = runs_of(tmp_path)[1]
    plan = SeedRuns(Group(tmp_path, "g"), [3, 2, 1], split_arguments([*options, "--x=1"]))
    assert (plan.total(), plan.done(), [*plan.finished()]) == (3, 1, [2])
    assert "note: 1 of 3 runs of group g are finished already" in capsys.readouterr().err
    third, first = plan.next(), plan.next()
    assert third.words == ["--ckpt_path", str(stopped.run.checkpoint_dir)]
    assert third.record.name == "version_1"
    member = ["--group", "g", "--seed_everything", "1"]
    assert first == Work(1, "seed_1", [*options, "--x=1", *member])
    assert plan.look(first)
    assert plan.next() is None


@pytest.mark.parametrize("file", ["metrics.json", "run.json"])
def test_damaged_run_is_named_once_and_its_seed_trained_again(tmp_path, capsys, file: str) -> None:
    damaged, stopped, _ = runs_of(tmp_path)
    (damaged.log_dir / file).write_text('{"seed": "x", "group": "g", "steps": []}')
    plan = SeedRuns(Group(tmp_path, "g"), [2, 3], split_arguments([]))
    assert plan.finished() == {}
    assert capsys.readouterr().err.count("note: g: version_0 is left out: ") == 1
    assert plan.next().words == ["--group", "g", "--seed_everything", "2"]
    assert plan.next().words == ["--ckpt_path", str(stopped.run.checkpoint_dir)]
    assert capsys.readouterr().err == ""


def test_stopped_seed_without_a_state_begins_again(tmp_path: Path, capsys) -> None:
    (runs_of(tmp_path)[1].run.checkpoint_dir / "last.ckpt").unlink()
    plan = SeedRuns(Group(tmp_path, "g"), [3], split_arguments([]))
    assert plan.next() == Work(3, "seed_3", ["--group", "g", "--seed_everything", "3"])
    assert "finished already" not in capsys.readouterr().err


def test_results_are_told_and_failures_kept(tmp_path: Path) -> None:
    record = runs_of(tmp_path, **{"test/acc": 0.9, "val/acc_best": 0.8, "fit_s": 3.21})[0]
    known = {"headline": "val/acc", "metrics": {"val/acc": {"mode": "max", "format": "number"}}}
    (record.log_dir / "run.json").write_text(json.dumps(record.overview | known))
    record = RunRecord(record.run)
    plan = SeedRuns(Group(tmp_path, "g"), [1, 4], split_arguments([]))
    line = plan.end(Work(1, "seed_1", [], record), 0, "")
    assert line == "seed 1: val/acc_best 0.8000, test/acc 0.9000, 3.2 s, version_0"
    assert (plan.done(), plan.failed) == (1, {})
    line = plan.end(Work(4, "seed_4", [], record), 2, "error: no memory")
    assert line.startswith("seed 4 failed (2): no memory; see ")
    assert line.endswith("seed_4.log")
    plan.end(Work(5, "seed_5", []), 1, "error: killed")
    assert plan.end(Work(6, "seed_6", []), 0, "").startswith("seed 6 failed (0): it wrote no run")
    assert plan.failed == {4: "no memory", 5: "killed", 6: f"it wrote no run in {tmp_path}"}
    assert plan.done() == 1


def test_refused_command_ends_all_seeds(tmp_path: Path) -> None:
    plan = SeedRuns(Group(tmp_path, "g"), [1], split_arguments([]))
    with pytest.raises(UsageError, match=r"^no such option$"):
        plan.end(Work(1, "seed_1", []), 2, "error: no such option")


def test_seed_that_another_process_trains_is_passed_over(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    runs_of(tmp_path)
    plan = SeedRuns(Group(tmp_path, "g"), [3, 1], split_arguments([]))
    held = (tmp_path / "checkpoints" / "version_1").__eq__
    monkeypatch.setattr("src.engine.records.run_record.is_held", held)
    assert plan.next().key == 1
    assert capsys.readouterr().err == "note: seed 3 is being trained by another process\n"


def test_failed_seed_goes_on(tmp_path: Path) -> None:
    record = runs_of(tmp_path)[1]
    (record.log_dir / "traceback.txt").touch()
    work = SeedRuns(
        Group(tmp_path, "g"), [3], split_arguments(["--x=1", "--x.api_key=hunter2X"])
    ).next()
    words = ["--ckpt_path", str(record.run.checkpoint_dir), "--x.api_key=hunter2X"]
    assert (work.name, work.words) == ("seed_3", words)


def test_runs_that_still_go_on_are_awaited(tmp_path: Path, monkeypatch) -> None:
    awaited = []
    monkeypatch.setattr(Group, "await_orphans", lambda group: awaited.append(group.name))
    SeedRuns(Group(tmp_path, "g"), [3], split_arguments([]))
    assert awaited == ["g"]


def test_group_tells_what_made_it(tmp_path: Path) -> None:
    words = ["--seeds=3", "--weights=w.pt", "--x.api_key=hunter2X", "--y=1"]
    group = group_of(tmp_path, *words)
    made_by = json.loads((group.folder / "group.json").read_text())
    content = hashlib.sha256(b"{'a': 1}").hexdigest()[:12]
    options = [f"--trainer.default_root_dir={tmp_path}", "--x.api_key=***", "--y=1"]
    options += ["--weights", "w.pt"]
    assert made_by == {"kind": "seeds", "config": content, "options": options}
    digest = hashlib.sha256(repr([content, options]).encode()).hexdigest()[:6]
    assert (group.name, group.root) == (f"default-{digest}", tmp_path)
    (tmp_path / "other.yaml").write_text("a: 1\n")
    other = group_of(tmp_path, "--config", str(tmp_path / "other.yaml"), "--seeds=3", *words[1:])
    assert other.name == f"other-{digest}"


def test_largest_seed_is_one_of_32_bits() -> None:
    assert parse_seeds(f"{2**32 - 1},") == [2**32 - 1]
    assert parse_seeds(f"{2**32 - 2}-{2**32 - 1}, 7 ") == [2**32 - 2, 2**32 - 1, 7]
    for text in (f"{2**32},", f"1-{2**32}", "10001", "0"):
        said = f"^--seeds must be a number of runs, or seeds such as 1,2,5-9, got '{text}'$"
        with pytest.raises(ValueError, match=said):
            parse_seeds(text)
    with pytest.raises(ValueError, match=r"^--seeds 9-5: a range goes upwards$"):
        parse_seeds("9-5")


def test_result_of_a_run_without_a_headline_is_what_it_tested(tmp_path: Path) -> None:
    record = runs_of(tmp_path, **{"test/mse": 1.25e-6, "test_s": 1.0, "fit_s": 3.0})[0]
    plan = SeedRuns(Group(tmp_path, "g"), [1], split_arguments([]))
    line = plan.end(Work(1, "seed_1", [], record), 0, "")
    assert line == "seed 1: test/mse 1.25e-06, 3.0 s, version_0"


def test_run_without_figures_is_finished_in_no_time(tmp_path: Path) -> None:
    record = runs_of(tmp_path)[0]
    plan = SeedRuns(Group(tmp_path, "g"), [1], split_arguments([]))
    assert plan.end(Work(1, "seed_1", [], record), 0, "") == "seed 1: 0.0 s, version_0"
    assert plan.end(Work(1, "seed_1", [], record), 2, "error: a").startswith("seed 1 failed (2): a")
