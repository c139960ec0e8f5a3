import os
import signal
import threading
from types import SimpleNamespace as Fake

import pytest
import torch

from src.engine.console.failure import SIGNALS, RunStopped
from src.engine.exact.graceful_stop import GracefulStop


@pytest.fixture
def stop() -> GracefulStop:
    """A callback that listens, whose saved steps are in `stop.last.saved`."""
    saved: list[int] = []
    last = Fake(save=lambda trainer: saved.append(trainer.global_step), saved=saved)
    callback = GracefulStop(last)
    before = {number: signal.getsignal(number) for number in SIGNALS}
    callback.on_train_start(None, None)
    yield callback
    for number, handler in before.items():
        signal.signal(number, handler)


def trainer(training: bool = True) -> Fake:
    return Fake(global_step=7, log_every_n_steps=50, world_size=1, training=training)


def test_run_goes_on_without_a_signal(stop: GracefulStop) -> None:
    stop.stop_if_told(trainer(), True)
    assert stop.last.saved == []


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_signal_saves_and_ends_between_two_batches(stop: GracefulStop, signum: int) -> None:
    os.kill(os.getpid(), signum)
    with pytest.raises(RunStopped) as stopped:
        stop.stop_if_told(trainer(), True)
    assert stopped.value.signum == signum
    assert stop.last.saved == [7]


def test_signal_ends_a_test_and_saves_nothing(stop: GracefulStop) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(RunStopped):
        stop.on_test_batch_start(trainer(training=False), None, None, 0)
    assert stop.last.saved == []


def test_thread_that_may_not_listen_does_not(stop: GracefulStop) -> None:
    heard = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=GracefulStop(stop.last).on_train_start, args=(None, None))
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) == heard


@pytest.fixture
def asked(monkeypatch) -> list[int]:
    """What each process has been told, when all are asked; one of the others heard of signal 15."""
    found = []

    def reduce(told: torch.Tensor, operation) -> None:
        assert operation == torch.distributed.ReduceOp.MAX
        found.append(int(told))
        told.fill_(15)

    monkeypatch.setattr("torch.distributed.all_reduce", reduce)
    return found


def one_of_two(device: str, step: int) -> Fake:
    strategy = Fake(root_device=torch.device(device))
    return Fake(
        **{"global_step": step, "log_every_n_steps": 5, "world_size": 2, "training": True},
        strategy=strategy,
    )


@pytest.mark.parametrize(
    ("device", "step", "in_epoch", "asks"),
    [("cpu", 7, True, 1), ("meta", 7, True, 0), ("meta", 10, True, 1), ("meta", 7, False, 1)],
)
def test_processes_are_asked_where_no_step_waits_for_the_device(
    stop: GracefulStop, device: str, step: int, in_epoch: bool, asks: int, monkeypatch
) -> None:
    asked = []
    monkeypatch.setattr(stop, "_stop_if_told", asked.append)
    stop.stop_if_told(one_of_two(device, step), in_epoch)
    assert len(asked) == asks


def test_signal_to_one_process_ends_all(stop: GracefulStop, asked: list[int]) -> None:
    with pytest.raises(RunStopped) as stopped:
        stop.stop_if_told(one_of_two("cpu", 7), True)
    assert (stopped.value.signum, stop.last.saved, asked) == (15, [7], [0])


def test_test_of_several_processes_ends_with_its_last_batch(
    stop: GracefulStop, asked: list[int]
) -> None:
    stop._signum = 15
    trainer = one_of_two("cpu", 7)
    trainer.training = False
    stop.on_test_batch_start(trainer, None, None, 0)
    with pytest.raises(RunStopped):
        stop.on_test_end(trainer, None)
    assert (asked, stop.last.saved) == ([15], [])


def test_test_goes_on_without_a_signal_and_listens(stop: GracefulStop) -> None:
    other = GracefulStop(stop.last)
    other.on_test_start(None, None)
    assert {signal.getsignal(number) for number in SIGNALS} == {other._hear}
    other.on_test_batch_start(trainer(training=False), None, None, 0)
    other.on_test_end(trainer(training=False), None)


@pytest.mark.parametrize(("rank", "speaks"), [(None, True), ("0", True), ("1", False)])
def test_second_signal_ends_the_process_at_once(
    stop: GracefulStop, rank: str | None, speaks: bool, monkeypatch, capfd
) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if rank:
        monkeypatch.setenv("LOCAL_RANK", rank)
    killed = []
    monkeypatch.setattr("os.kill", lambda *words: killed.append(words))
    stop._hear(signal.SIGTERM, None)
    assert killed == []
    said = "\nstopping after this batch; again to stop at once\n"
    assert capfd.readouterr().err == said * speaks
    stop._hear(signal.SIGINT, None)
    assert killed == [(os.getpid(), signal.SIGINT)]
    assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
