"""Processes of a plan, with a stand-in for the training."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from src.experiment.failure import RunStopped, UsageError
from src.experiment.group import Group
from src.experiment.jobs import Jobs, Work

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
    assert "job_3 ended" in capsys.readouterr().err
    assert (group.folder / "job_4.log").read_text() == "error: 4\n"


def test_signal_ends_all_and_starts_nothing(group: Group) -> None:
    plan = List("60", "60", "60")
    timer = threading.Timer(2, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    began = time.monotonic()
    with pytest.raises(RunStopped):
        Jobs(plan, group, 2, SAY).run()
    timer.join()
    assert time.monotonic() - began < 30
    assert len(plan.todo) == 1
    assert not plan.ended


def test_wrong_command_ends_all(group: Group) -> None:
    plan = List("0", "60")
    plan.end = lambda *_: (_ for _ in ()).throw(UsageError("wrong"))
    began = time.monotonic()
    with pytest.raises(UsageError, match="wrong"):
        Jobs(plan, group, 2, SAY).run()
    assert time.monotonic() - began < 30
