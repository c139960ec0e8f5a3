import os
import signal
import threading
from types import SimpleNamespace as Fake

import pytest

from src.experiment.failure import RunStopped
from src.experiment.graceful_stop import GracefulStop


@pytest.fixture
def stop() -> GracefulStop:
    """A callback that listens, whose saved steps are in `stop.last.saved`."""
    saved: list[int] = []
    last = Fake(save=lambda trainer: saved.append(trainer.global_step), saved=saved)
    callback = GracefulStop(last)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
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
