import time
from pathlib import Path

import pytest

from src.experiment import machine
from src.experiment.machine import memory_limit, time_limit


@pytest.mark.parametrize(
    ("visible", "expected"), [("0,2", ["0", "2"]), ("", []), ("-1", []), ("GPU-a", ["GPU-a"])]
)
def test_visible_gpus_are_taken(visible: str, expected: list[str], monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert machine.gpus() == expected


def test_machine_is_shared_out(monkeypatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    monkeypatch.setattr(machine, "processors", lambda: 8)
    assert machine.share(1, 2) == {"OMP_NUM_THREADS": "4", "CUDA_VISIBLE_DEVICES": "1"}
    assert machine.share(5, 6)["CUDA_VISIBLE_DEVICES"] == "1"
    assert machine.share(0, 1) == {"CUDA_VISIBLE_DEVICES": "0"}
    assert machine.default_jobs(None) == 4


def test_threads_that_the_user_chose_stay(monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert machine.share(0, 2) == {}


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5"])
def test_jobs_are_a_number_above_0(text: str) -> None:
    with pytest.raises(ValueError, match="--jobs must be a number above 0"):
        machine.default_jobs(text)


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
