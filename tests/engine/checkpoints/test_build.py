"""What a configuration describes, made without a Trainer."""

import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import yaml

import src.engine.checkpoints.build as build_file
from src.engine.checkpoints.build import _memory_limit, _time_limit, build
from src.engine.checkpoints.consent import trust
from src.engine.checkpoints.trusted import Trusted
from src.models import CNN
from tests import foreign
from tests.tiny_mnist import TinyMNIST


def test_task_of_other_sizes_takes_no_memory() -> None:
    trust("tests")
    network = {"class_path": "src.models.CNN", "init_args": {"hidden": [10**7, 10**7]}}
    config = {
        "model": {"class_path": "src.tasks.ClassificationTask", "init_args": {"network": network}},
        "data": {"class_path": "tests.tiny_mnist.TinyMNIST"},
    }
    with pytest.raises(ValueError, match=r"fc1.weight|fc2.weight|missing"):
        build(Trusted.read(yaml.safe_dump(config)), {})


def test_parts_are_joined_as_in_a_training() -> None:
    network = {"class_path": "src.models.CNN", "init_args": {"width": 8}}
    config = {
        "model": {"class_path": "src.tasks.ClassificationTask", "init_args": {"network": network}},
        "data": {"class_path": "tests.tiny_mnist.TinyMNIST", "init_args": {"batch_size": 7}},
    }
    trust("tests")
    task, data = build(Trusted.read(yaml.safe_dump(config)))
    assert isinstance(data, TinyMNIST)
    assert data.batch_size == 7
    assert isinstance(task.network, CNN)
    assert task.network.conv1.out_channels == 8
    assert task.network.fc3.out_features == data.num_classes


@pytest.mark.parametrize("data", [{}, {"data": None}])
def test_task_with_its_own_loaders_has_no_data_set(data: dict[str, None]) -> None:
    trust("tests")
    config = {"model": {"class_path": "tests.foreign.Regression"}, **data}
    task, made = build(Trusted.read(yaml.safe_dump(config)))
    assert isinstance(task, foreign.Regression)
    assert made is None


def test_what_is_drawn_while_parts_are_made_is_that_of_the_seed() -> None:
    trust("tests")
    for seed, same in ((1, True), (2, False)):
        config = {"model": {"class_path": "tests.foreign.Regression"}, "seed_everything": seed}
        task, _ = build(Trusted.read(yaml.safe_dump(config)))
        torch.manual_seed(1)
        assert torch.equal(task.line.weight, foreign.Regression().line.weight) == same


def test_task_that_lacks_its_data_set_is_one_line() -> None:
    trust("tests")
    network = {"class_path": "tests.one_layer.OneLayer"}
    part = {"class_path": "src.tasks.ClassificationTask", "init_args": {"network": network}}
    with pytest.raises(ValueError, match=r"of other code than this: .*(num_classes|image_shape)"):
        build(Trusted.read(yaml.safe_dump({"model": part})))


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="needs /proc")
def test_memory_beyond_the_limit_is_refused() -> None:
    with pytest.raises(MemoryError), _memory_limit(2**27):
        bytearray(2**28)
    bytearray(2**28)


def test_work_beyond_its_time_is_ended() -> None:
    with pytest.raises(TimeoutError, match=r"over 0\.05 s"), _time_limit(0.05):
        time.sleep(9)
    with _time_limit(0.05):
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
    monkeypatch.setattr(build_file, "Path", {"/proc/self/statm": statm}.get)
    space, get = build_file.resource.RLIMIT_AS, build_file.resource
    monkeypatch.setattr(get, "getpagesize", lambda: 10)
    monkeypatch.setattr(get, "getrlimit", {space: (before, hard)}.get)
    monkeypatch.setattr(get, "setrlimit", lambda *words: calls.append(words))
    with _memory_limit(2):
        assert calls == [(space, (limit, hard))]
    assert calls[1:] == [(space, (before, hard))]
    statm.unlink()
    with _memory_limit(2):
        assert len(calls) == 2


def test_alarm_is_of_the_main_thread_alone_and_given_back() -> None:
    before = signal.getsignal(signal.SIGALRM)

    def work() -> str:
        with _time_limit(9):
            return "done"

    with ThreadPoolExecutor(1) as other:
        assert other.submit(work).result() == work() == "done"
    assert signal.getsignal(signal.SIGALRM) is before
