from types import SimpleNamespace as Fake

import pytest

from src.engine.jobs import machine


@pytest.mark.parametrize(
    ("visible", "expected"), [("0,2", ["0", "2"]), ("", []), ("-1", []), ("GPU-a", ["GPU-a"])]
)
def test_visible_gpus_are_taken(visible: str, expected: list[str], monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert machine._gpus() == expected


@pytest.mark.parametrize(("driver", "count"), [(None, 0), ("/usr/bin/nvidia-smi", 2)])
def test_gpus_are_counted_where_there_is_a_driver(driver, count: int, monkeypatch) -> None:
    def run(words: list[str], capture_output: bool, text: bool, check: bool) -> Fake:
        assert (words, capture_output, text, check) == (["nvidia-smi", "-L"], True, True, False)
        return Fake(stdout="GPU 0: H100\n  MIG 1g\nGPU 1: H100\n")

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(machine.shutil, "which", lambda name: driver)
    monkeypatch.setattr(machine.subprocess, "run", run)
    assert machine._gpus() == ["0", "1"][:count]
    assert machine.default_jobs(None) == max(1, count)


def test_processors_are_those_of_this_process(monkeypatch) -> None:
    own = {0: {1, 5, 6}}
    monkeypatch.setattr(machine.os, "sched_getaffinity", own.get, raising=False)
    assert machine.processors() == 3
    monkeypatch.delattr(machine.os, "sched_getaffinity")
    for told, count in ((7, 7), (None, 1)):
        monkeypatch.setattr(machine.os, "cpu_count", lambda told=told: told)
        assert machine.processors() == count


def test_machine_is_shared_out(monkeypatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    monkeypatch.setattr(machine, "processors", lambda: 8)
    assert machine.share(1, 2) == {"OMP_NUM_THREADS": "4", "CUDA_VISIBLE_DEVICES": "1"}
    assert machine.share(5, 6)["CUDA_VISIBLE_DEVICES"] == "1"
    assert machine.share(0, 1) == {"CUDA_VISIBLE_DEVICES": "0"}
    monkeypatch.setattr(machine, "processors", lambda: 1)
    assert machine.share(0, 2)["OMP_NUM_THREADS"] == "1"
    assert machine.default_jobs(None) == 4
    assert machine.default_jobs("1") == 1


def test_threads_that_the_user_chose_stay(monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert machine.share(0, 2) == {}


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5"])
def test_jobs_are_a_number_above_0(text: str) -> None:
    with pytest.raises(ValueError, match="--jobs must be a number above 0"):
        machine.default_jobs(text)
