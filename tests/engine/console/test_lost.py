import pytest
from torch.distributed import DistNetworkError

from src.engine.console.lost import lost_process

PAIR = "[../third_party/gloo/gloo/transport/tcp/pair.cc:534] "
LOST = "has ended, or the connection to it was lost: see what that one says"


@pytest.mark.parametrize(
    ("error", "where"),
    [
        (RuntimeError(f"{PAIR}Connection closed by peer [10.231.0.2]:31337"), " on 10.231.0.2"),
        (
            RuntimeError(f"{PAIR}Read error [10.0.0.2]:18: Connection reset by peer."),
            " on 10.0.0.2",
        ),
        (RuntimeError(f"{PAIR}Connection closed by peer local=[::1]:1 remote=[::2]:9"), " on ::2"),
        (RuntimeError(f"{PAIR}Connection reset by peer"), ""),
        (DistNetworkError("The client socket has timed out after 600000ms"), ""),
    ],
)
def test_lost_process_is_named(error: Exception, where: str) -> None:
    assert lost_process(error).startswith(f"another process of this run{where} {LOST}")


@pytest.mark.parametrize("error", [RuntimeError("Connection reset by peer"), ValueError("gloo")])
def test_other_errors_are_left_alone(error: Exception) -> None:
    assert lost_process(error) == ""
