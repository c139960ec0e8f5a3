import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from src.engine.checkpoints import limits
from src.engine.checkpoints.limits import memory_limit, time_limit


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="needs /proc")
def test_memory_beyond_the_limit_is_refused() -> None:
    with pytest.raises(MemoryError), memory_limit(2**27):
        bytearray(2**28)
    bytearray(2**28)


def test_work_beyond_its_time_is_ended() -> None:
    with pytest.raises(TimeoutError, match=r"over 0\.05 s"), time_limit(0.05):
        time.sleep(9)
    with time_limit(0.05):
        pass
    time.sleep(0.1)  # no alarm is left


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource")
@pytest.mark.parametrize(
    ("before", "hard", "limit"), [(-1, -1, 72), (50, 90, 50), (90, 60, 60), (90, -1, 72)]
)
def test_memory_is_limited_to_what_there_is_and_some_more(
    tmp_path: Path, monkeypatch, before: int, hard: int, limit: int
) -> None:
    statm, calls = tmp_path / "statm", []
    statm.write_text("7 3 1\n")  # pages
    monkeypatch.setattr(limits, "Path", {"/proc/self/statm": statm}.get)
    space, get = limits.resource.RLIMIT_AS, limits.resource
    monkeypatch.setattr(get, "getpagesize", lambda: 10)
    monkeypatch.setattr(get, "getrlimit", {space: (before, hard)}.get)
    monkeypatch.setattr(get, "setrlimit", lambda *words: calls.append(words))
    with memory_limit(2):
        assert calls == [(space, (limit, hard))]
    assert calls[1:] == [(space, (before, hard))]
    statm.unlink()
    with memory_limit(2):
        assert len(calls) == 2


def test_alarm_is_of_the_main_thread_alone_and_given_back() -> None:
    before = signal.getsignal(signal.SIGALRM)

    def work() -> str:
        with time_limit(9):
            return "done"

    with ThreadPoolExecutor(1) as other:
        assert other.submit(work).result() == work() == "done"
    assert signal.getsignal(signal.SIGALRM) is before
