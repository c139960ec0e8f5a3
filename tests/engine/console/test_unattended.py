import os
import signal
import sys
from pathlib import Path
from typing import TextIO

import pytest

from src.engine.console.unattended import unattended


def closed_pipe() -> TextIO:
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w")


def full_disk() -> TextIO:
    return Path("/dev/full").open("w")


@pytest.mark.parametrize("stream", [closed_pipe, full_disk])
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_text_that_nobody_takes_is_let_go(monkeypatch, stream, name: str) -> None:
    taker = stream()
    monkeypatch.setattr(sys, name, taker)
    with unattended():
        print("lost " * 10_000, file=getattr(sys, name), flush=True)
    assert getattr(sys, name) is taker
    taker.write("lost, too")
    taker.close()  # as Python does at its end


def test_text_that_is_read_arrives(capsys) -> None:
    with unattended():
        print("seen")
        print("told", file=sys.stderr)
        assert sys.stdout.isatty() is False
    assert capsys.readouterr() == ("seen\n", "told\n")


def test_process_without_streams_has_some(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with unattended():
        assert not sys.stdout.isatty()
        print("lost", flush=True)
    sys.stdout.close()


def test_other_failures_pass() -> None:
    with pytest.raises(ValueError, match="mine"), unattended():
        raise ValueError("mine")


def test_closed_terminal_ends_nothing() -> None:
    before = signal.getsignal(signal.SIGHUP)
    with unattended():
        os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is before
