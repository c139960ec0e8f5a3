"""Trials as runs, with a stand-in for Optuna."""

import json
from pathlib import Path

import pytest

from src.engine.console.failure import UsageError
from src.engine.jobs.group import Group
from src.engine.jobs.jobs import Work
from src.engine.records.run_record import RunRecord
from src.search.trials import Trials


class Script:
    """A search that says what it is told to say."""

    metric = "val/acc"

    def __init__(self, stopped=(), hopeless: bool = False) -> None:
        self.stopped = [*stopped]
        self.hopeless = hopeless
        self.told: list[tuple] = []
        self.runs: dict[int, str] = {}
        self.beats = 0

    def count(self) -> tuple[int, int]:
        return 5, len(self.told)

    def interrupted(self):
        return self.stopped

    def ask(self):
        return (7, {"lr": 0.1}) if not self.told else None

    def note_run(self, number: int, run: str) -> None:
        self.runs[number] = run

    def report(self, number: int, values) -> bool:
        return self.hopeless

    def best(self, values):
        return max(values, default=None)

    def tell(self, number: int, end: str, value: float | None = None) -> None:
        self.told.append((number, end, value))

    def beat(self) -> None:
        self.beats += 1


def plan_of(tmp_path: Path, search: Script) -> Trials:
    return Trials(search, Group(tmp_path, "g"), ["--x=1"], lambda name, value: f"--{name}={value}")


def record_of(tmp_path: Path, *values: float) -> RunRecord:
    logs = tmp_path / "lightning_logs" / "version_3"
    logs.mkdir(parents=True)
    (tmp_path / "checkpoints" / "version_3").mkdir(parents=True)
    (logs / "config.yaml").write_text("{}")
    content = {"validations": [{"val/acc": value, "val/loss": -value} for value in values]}
    (logs / "progress.json").write_text(json.dumps(content))
    (record,) = RunRecord.all(tmp_path)
    return record


def test_trial_is_a_training_that_does_not_test(tmp_path: Path) -> None:
    work = plan_of(tmp_path, Script()).next()
    assert work == Work(
        7, "trial_7", ["--x=1", "--lr=0.1", "--group", "g", "--test", "false"], None
    )


def test_best_validation_is_the_result(tmp_path: Path) -> None:
    search = Script()
    record = record_of(tmp_path, 0.8, 0.9, 0.85)
    plan = plan_of(tmp_path, search)
    assert plan.look(Work(7, "trial_7", [], record))
    assert search.runs == {7: "version_3"}
    (record.log_dir / "pruned.txt").touch()  # given up, but it was faster
    assert (plan.total(), plan.done()) == (5, 0)
    line = plan.end(Work(7, "trial_7", [], record), 0, "")
    assert search.told == [(7, "complete", 0.9)]
    assert line == "trial 7: val/acc 0.9000, version_3"
    assert not (record.log_dir / "pruned.txt").exists()


def test_hopeless_trial_is_given_up(tmp_path: Path) -> None:
    search = Script(hopeless=True)
    work = Work(7, "trial_7", [], record_of(tmp_path, 0.1))
    plan = plan_of(tmp_path, search)
    assert not plan.look(work)
    said = "given up after validations with val/acc 0.1000\n"
    assert (work.record.log_dir / "pruned.txt").read_text() == said
    assert not plan.look(work)
    assert plan.end(work, 143, "") == "trial 7: given up, val/acc 0.1000 so far"
    assert search.told == [(7, "pruned", None)]
    assert work.record.status == "pruned"


@pytest.mark.parametrize(
    ("code", "said", "expected"),
    [
        (1, "error: no memory", "trial 7 failed (1): no memory; see "),
        (0, "", "trial 7 failed (0): it has no val/acc that is a number, in "),
    ],
)
def test_failed_trial_is_one_failed_trial(tmp_path: Path, code, said, expected) -> None:
    search = Script()
    line = plan_of(tmp_path, search).end(Work(7, "trial_7", []), code, said)
    assert search.told == [(7, "failed", None)]
    assert line.startswith(expected)
    assert line.endswith("/trial_7.log")


def test_refusal_of_the_first_trial_ends_the_sweep(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, Script())
    with pytest.raises(UsageError, match=r"^no such option$"):
        plan.end(Work(7, "trial_7", []), 2, "error: no such option")
    assert "failed" in plan.end(Work(8, "trial_8", []), 2, "error: out of range")


def test_metric_that_the_first_trial_lacks_ends_the_sweep(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, Script())
    work = Work(7, "trial_7", [], record_of(tmp_path))
    with pytest.raises(UsageError, match=r"^trial 7 .* no validation of it has logged val/acc: "):
        plan.end(work, 0, "")
    assert plan.end(work, 0, "").startswith("trial 7 failed (0): it has no val/acc")


def test_failure_of_a_first_trial_that_has_a_run_is_one_failed_trial(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, Script())
    work = Work(7, "trial_7", [], record_of(tmp_path))
    assert plan.end(work, 2, "error: out of range").startswith("trial 7 failed (2): out of range")


def test_plan_ends_when_the_search_asks_for_no_more(tmp_path: Path) -> None:
    search = Script()
    search.told.append((7, "failed", None))
    assert plan_of(tmp_path, search).next() is None


def test_runs_that_still_go_on_are_awaited(tmp_path: Path, monkeypatch) -> None:
    calls = []
    monkeypatch.setattr(Group, "await_orphans", lambda group: calls.append(group.name))
    plan_of(tmp_path, Script())
    assert calls == ["g"]


def test_stopped_trial_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    record = record_of(tmp_path)
    stopped = [(1, {"lr": 0.2}, "version_3"), (2, {"lr": 0.3}, None)]
    search = Script(stopped)
    (record.run.checkpoint_dir / "last.ckpt").write_bytes(b"x")
    (record.log_dir / "run.json").write_text('{"group": "g"}')
    (record.log_dir / "progress.json").write_text('{"step": 5}')
    plan = plan_of(tmp_path, search)
    first, second = plan.next(), plan.next()
    assert first.words == ["--ckpt_path", str(record.run.checkpoint_dir)]
    assert (first.key, first.name, first.record.name) == (1, "trial_1", "version_3")
    member = ["--group", "g", "--test", "false"]
    assert second == Work(2, "trial_2", ["--x=1", "--lr=0.3", *member], None)


def test_stopped_trial_without_a_state_begins_again(tmp_path: Path) -> None:
    record = record_of(tmp_path)
    (record.log_dir / "run.json").write_text('{"group": "g"}')
    (record.log_dir / "progress.json").write_text('{"step": 5}')
    work = plan_of(tmp_path, Script([(1, {"lr": 0.2}, "version_3")])).next()
    assert (work.record, work.words[1]) == (None, "--lr=0.2")


@pytest.mark.parametrize(("kind", "end"), [("metrics", "complete"), ("pruned", "pruned")])
def test_trial_that_ended_untold_is_told_later(tmp_path: Path, kind: str, end: str, capsys) -> None:
    record = record_of(tmp_path, 0.7, 0.8)
    (record.log_dir / "run.json").write_text('{"group": "g"}')
    if kind == "metrics":
        (record.log_dir / "metrics.json").write_text('{"steps": 5}')
    else:
        (record.log_dir / "pruned.txt").write_text("")
    search = Script([(1, {"lr": 0.2}, "version_3")])
    assert plan_of(tmp_path, search).next() is None
    assert search.told == [(1, end, 0.8 if end == "complete" else None)]
    said = "trial 1: val/acc 0.8000, version_3" if end == "complete" else "given up, val/acc 0.8000"
    assert said in capsys.readouterr().err


def test_run_of_somebody_else_is_not_continued(tmp_path: Path) -> None:
    record = record_of(tmp_path)
    (record.run.checkpoint_dir / "last.ckpt").write_bytes(b"x")
    (record.log_dir / "run.json").write_text('{"group": "other"}')
    work = plan_of(tmp_path, Script([(1, {"lr": 0.2}, "version_3")])).next()
    assert (work.record, work.words[1]) == (None, "--lr=0.2")


def test_note_of_a_trial_that_is_given_up_replaces_a_link(tmp_path: Path) -> None:
    record = record_of(tmp_path, 0.1)
    (record.log_dir / "pruned.txt").symlink_to(tmp_path / "outside")
    plan = plan_of(tmp_path, Script(hopeless=True))
    assert not plan.look(Work(7, "trial_7", [], record))
    assert "given up" in (record.log_dir / "pruned.txt").read_text()
    assert not (tmp_path / "outside").exists()


def test_stopped_trial_goes_on_with_its_secret(tmp_path: Path) -> None:
    record = record_of(tmp_path)
    (record.log_dir / "run.json").write_text('{"group": "g"}')
    (record.log_dir / "progress.json").write_text('{"step": 3}')
    (record.run.checkpoint_dir / "last.ckpt").touch()
    search = Script(stopped=[(2, {}, record.name)])
    words = ["--lr=1", "--x.api_key=hunter2X"]
    work = Trials(search, Group(tmp_path, "g"), words, lambda *_: "").next()
    assert work.words == ["--ckpt_path", str(record.run.checkpoint_dir), "--x.api_key=hunter2X"]


def test_search_beats_with_each_trial_and_each_look(tmp_path: Path) -> None:
    search = Script()
    plan = plan_of(tmp_path, search)
    work = plan.next()
    assert search.beats == 1
    assert plan.look(work)
    assert search.beats == 2


def test_result_is_of_the_metric_that_is_sought(tmp_path: Path) -> None:
    search = Script()
    search.metric = "val/loss"
    line = plan_of(tmp_path, search).end(Work(7, "t", [], record_of(tmp_path, 0.5, 0.8)), 0, "")
    assert search.told == [(7, "complete", -0.5)]
    assert line == "trial 7: val/loss -0.5000, version_3"


def test_result_is_of_the_state_that_is_kept(tmp_path: Path) -> None:
    search, record = Script(), record_of(tmp_path, 0.5, 0.8, 0.7)
    (record.log_dir / "metrics.json").write_text('{"steps": 1, "val/acc_best": 0.7}')  # the last
    plan_of(tmp_path, search).end(Work(7, "t", [], record), 0, "")
    assert search.told == [(7, "complete", 0.7)]


@pytest.mark.parametrize("saved", [False, True])
def test_killed_trial_goes_on_once(tmp_path: Path, saved: bool) -> None:
    search, record = Script(), record_of(tmp_path)
    if saved:
        (record.run.checkpoint_dir / "last.ckpt").touch()
    plan = plan_of(tmp_path, search)
    first = plan.next()
    first.record = record
    line = plan.end(first, -9, "killed by signal 9")
    assert (line, search.told) == ("trial 7: killed by signal 9; it goes on, this once", [])
    again = plan.next()
    word = "--ckpt_path" if saved else "--x=1"
    assert (again.key, again.words[0], again.record) == (7, word, record if saved else None)
    line = plan.end(again, -9, "killed by signal 9")
    assert line.startswith("trial 7 failed (-9): killed by signal 9; see ")
    assert search.told == [(7, "failed", None)]
