"""Processes of a plan, with a stand-in for the training."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace as Fake

import pytest

from src.engine.console.failure import SIGNALS, RunStopped, UsageError
from src.engine.files.run import Run
from src.engine.jobs.group import Group
from src.engine.jobs.jobs import Jobs, Work, _Job
from src.engine.jobs.orphan import PARENT
from src.engine.records.run_record import RunRecord
from tests.engine.jobs.test_group import make_run

SAY = [sys.executable, "-c", "import sys, time; print(sys.argv[1]); time.sleep(float(sys.argv[2]))"]


class List:
    """A plan that is a list."""

    def __init__(self, *waits: str) -> None:
        self.todo = [Work(k, f"job_{k}", [f"error: {k}", wait]) for k, wait in enumerate(waits)]
        self.size = len(waits)
        self.ended: list[tuple[int, int, str]] = []
        self.most = self.now = 0

    def total(self) -> int:
        return self.size

    def done(self) -> int:
        return len(self.ended)

    def next(self) -> Work | None:
        if not self.todo:
            return None
        self.now += 1
        self.most = max(self.most, self.now)
        return self.todo.pop(0)

    def look(self, work: Work) -> bool:
        return True

    def end(self, work: Work, code: int, said: str) -> str:
        self.now -= 1
        self.ended.append((work.key, code, said))
        return f"{work.name} ended"


@pytest.fixture
def group(tmp_path: Path) -> Group:
    group = Group(tmp_path, "mine")
    group.claim({})
    return group


def test_all_is_done_so_many_at_once(group: Group, capsys) -> None:
    plan = List("0.5", "0", "0", "0", "0")
    Jobs(plan, group, 2, SAY).run()
    assert sorted(plan.ended) == [(k, 0, f"error: {k}") for k in range(5)]
    assert plan.most == 2
    assert (
        plan.ended[-1][0] == 0 or plan.ended[0][0] == 1
    )  # the others do not wait for the long one
    lines = capsys.readouterr().err.splitlines()
    assert sorted(lines) == [f"job_{number} ended" for number in range(5)]
    assert (group.folder / "job_4.log").read_text() == "error: 4\n"


def test_signal_ends_all_and_starts_nothing(group: Group) -> None:
    plan = List("60", "60", "60")
    timer = threading.Timer(1, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    began = time.monotonic()
    with pytest.raises(RunStopped):
        Jobs(plan, group, 2, SAY).run()
    timer.join()
    assert time.monotonic() - began < 30
    assert len(plan.todo) == 1
    assert not plan.ended


def job_of(group: Group, **parts) -> tuple[Jobs, _Job]:
    """A process that is not there."""
    process = parts.pop("process", Fake(pid=77, poll=lambda: None))
    work = Work(4, "job_4", [], parts.pop("record", None))
    return Jobs(List(), group, 1), _Job(
        work, 0, parts.get("first", 0), parts.get("size", 0), process
    )


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("error: of a run before\nerror: a\n\nerror: b\nlast\n", 1, "error: b"),
        ("error: of a run before\nfirst\n\nlast\n  \n", 1, "last"),
        ("error: of a run before\nerror: a\n", -9, "killed by signal 9"),
        ("error: of a run before\nerror: a\n", 0, "error: a"),
        ("error: of a run before\n", 1, ""),
    ],
)
def test_error_of_a_process_is_told_or_its_last_line(
    group: Group, text: str, code: int, said: str
) -> None:
    group.log("job_4").write_text(text)
    jobs, job = job_of(group, size=len("error: of a run before\n"))
    assert jobs._last_line(job, code) == said


def test_run_of_a_process_is_the_new_one_that_names_it(group: Group) -> None:
    for version in (1, 2, 3):
        make_run(group.root, version, pid=77 if version < 3 else 78)
        (group.root / "checkpoints" / f"version_{version}").mkdir(parents=True)
    for first, found in ((0, 1), (2, 2), (3, None)):
        jobs, job = job_of(group, first=first)
        record = jobs._find(job)
        assert (record and record.run.version) == found
    jobs, job = job_of(group, first=3, record=RunRecord(Run(group.root, 3)))
    assert jobs._find(job).run.version == 3
    assert jobs._find(job) is not job.work.record
    job.work.record.run.discard()  # it was refused
    assert jobs._find(job) is None


def test_wrong_command_ends_all(group: Group) -> None:
    plan = List("0", "60")
    plan.end = lambda *_: (_ for _ in ()).throw(UsageError("wrong"))
    began = time.monotonic()
    with pytest.raises(UsageError, match="wrong"):
        Jobs(plan, group, 2, SAY).run()
    assert not group.folder.exists()
    assert time.monotonic() - began < 30


def test_process_gets_its_words_and_its_part_of_the_machine(group: Group, monkeypatch) -> None:
    def start(words: list[str], stdout, env: dict[str, str], **options) -> str:
        assert words == [sys.executable, "-m", "src.train", "error: 0", "9"]
        assert (stdout.name, stdout.mode) == (str(group.folder / "job_0.log"), "ab")
        assert (env["PART"], env[PARENT]) == ("1 of 2", str(os.getpid()))
        assert env["PATH"] == os.environ["PATH"]
        new = {"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "start_new_session": True}
        assert options == new
        return "process"

    monkeypatch.setattr(
        "src.engine.jobs.jobs.share", lambda slot, jobs: {"PART": f"{slot} of {jobs}"}
    )
    monkeypatch.setattr("src.engine.jobs.jobs.subprocess.Popen", start)
    plan = List("9")
    assert Jobs(plan, group, 2)._start(plan.todo[0], 1) == "process"


def started(plan: List, group: Group, count: int) -> tuple[Jobs, list[int]]:
    """Jobs whose processes are not there, and the signals that these are sent."""
    jobs, sent = Jobs(plan, group, count), []
    jobs._start = lambda *_: Fake(pid=1, poll=lambda: None, send_signal=sent.append)
    return jobs, sent


def test_free_places_are_filled(group: Group) -> None:
    (group.root / "checkpoints" / "version_4").mkdir(parents=True)
    group.log("job_0").write_text("before")
    jobs, _ = started(List("0", "0", "0"), group, 2)
    assert jobs._fill()
    assert [(job.slot, job.first, job.size) for job in jobs._running] == [(0, 5, 6), (1, 5, 0)]
    assert not jobs._fill()
    del jobs._running[0]
    assert jobs._fill()
    assert [(job.slot, job.work.name) for job in jobs._running] == [(1, "job_1"), (0, "job_2")]
    jobs._running.clear()
    assert not jobs._fill()


def test_places_stay_free_where_the_plan_has_no_more(group: Group) -> None:
    jobs, _ = started(List("0"), group, 3)
    assert jobs._fill()
    assert [(job.slot, job.first) for job in jobs._running] == [(0, 0)]
    assert not jobs._fill()


def test_nothing_is_started_after_a_signal(group: Group) -> None:
    jobs, sent = started(List("0", "0"), group, 2)
    begin = jobs._start
    jobs._start = lambda *words: (setattr(jobs, "_signum", 15), begin(*words))[1]
    assert jobs._fill()
    assert (len(jobs._running), sent) == (1, [15])
    jobs._running[0].process.poll = lambda: 0
    jobs._send(15)
    assert sent == [15]  # it has ended


@pytest.mark.parametrize(
    ("code", "signum", "told"),
    [(0, 0, True), (1, 0, True), (0, 15, True), (143, 15, False), (None, 0, False)],
)
def test_end_of_a_process_is_told_unless_a_signal_made_it(
    group: Group, code: int | None, signum: int, told: bool
) -> None:
    group.log("job_4").write_text("error: why\n")
    process = Fake(pid=77, poll=lambda: code)
    jobs, job = job_of(group, process=process)
    jobs._running, jobs._signum, said, shown = [job], signum, [], []
    jobs._look(Fake(say=said.append, show=lambda *words: shown.append(words)))
    assert jobs.plan.ended == [(4, code, "error: why")] * told
    assert said == ["job_4 ended"] * told
    goes_on = code is None
    assert shown == [({0: ("job_4", None)} if goes_on else {}, int(told), 0)]
    assert jobs._running == [job] * goes_on


def test_process_that_its_plan_gives_up_is_ended_once(group: Group) -> None:
    ended = []
    process = Fake(pid=77, poll=lambda: None, terminate=lambda: ended.append(1))
    make_run(group.root, 0)
    jobs, job = job_of(group, process=process, record=RunRecord(Run(group.root, 0)))
    jobs._running = [job]
    live = Fake(say=None, show=lambda *_: None)
    jobs._look(live)
    assert ended == []
    jobs.plan.look = lambda work: work.record is None
    jobs._look(live)
    jobs._look(live)
    assert ended == [1]


def test_signals_are_heard_and_handlers_given_back(group: Group, capfd) -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    jobs, sent = started(List("0"), group, 1)
    jobs._fill()
    with jobs._signals():
        signal.raise_signal(signal.SIGTERM)
    assert (jobs._signum, sent) == (signal.SIGTERM, [signal.SIGTERM])
    said = "\nstopping all runs after their batches; again to stop at once\n"
    assert capfd.readouterr().err == said
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_stopped_jobs_say_how_to_go_on(group: Group, capsys) -> None:
    jobs = Jobs(List(), group, 1)
    jobs._work = lambda: setattr(jobs, "_signum", 15)
    with pytest.raises(RunStopped) as stop:
        jobs.run()
    assert stop.value.signum == 15
    assert capsys.readouterr().err == "note: the same command goes on from here\n"
