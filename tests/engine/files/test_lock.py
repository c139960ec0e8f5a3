import errno
import subprocess
import sys
from pathlib import Path

import pytest

from src.engine.files import lock
from src.engine.files.lock import hold, is_held

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such locks")


def test_folder_is_kept_for_one_process(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    assert hold(tmp_path)
    assert hold(tmp_path)  # twice is once
    assert not is_held(tmp_path)  # by another process
    code = (
        "import sys; from pathlib import Path; from src.engine.files.lock import hold; "
        f"sys.exit(hold(Path({str(tmp_path)!r})))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_folder_of_another_process_is_held(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from src.engine.files.lock import hold; "
        f"hold(Path({str(tmp_path)!r})); print(1, flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as other:
        other.stdout.readline()
        opened = len([*Path("/dev/fd").iterdir()])
        assert is_held(tmp_path)
        assert not hold(tmp_path)
        assert len([*Path("/dev/fd").iterdir()]) == opened
        other.communicate()
    assert not is_held(tmp_path)


def test_folder_that_is_not_there_is_nobodys(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "none")


def test_look_of_another_process_is_waited_for(tmp_path: Path, monkeypatch) -> None:
    tries, waited = [True, True, True, False], []

    def flock(*_: int) -> None:
        if tries.pop(0):
            raise BlockingIOError

    monkeypatch.setattr(lock.fcntl, "flock", flock)
    monkeypatch.setattr(lock.time, "sleep", waited.append)
    assert hold(tmp_path)
    assert len(waited) == 3
    assert min(waited) > 0


def test_folder_is_nobodys_where_there_are_no_locks(tmp_path: Path, monkeypatch) -> None:
    def flock(*_: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", flock)
    assert not is_held(tmp_path)


def test_folder_that_another_process_keeps_is_tried_four_times(tmp_path: Path, monkeypatch) -> None:
    asked, waited = [], []

    def flock(_: int, how: int) -> None:
        asked.append(how)
        raise BlockingIOError

    monkeypatch.setattr(lock.fcntl, "flock", flock)
    monkeypatch.setattr(lock.time, "sleep", waited.append)
    assert not hold(tmp_path)
    assert asked == [lock.fcntl.LOCK_EX | lock.fcntl.LOCK_NB] * 4
    assert waited == [0.05] * 4
    assert is_held(tmp_path)
    assert asked[4:] == [lock.fcntl.LOCK_SH | lock.fcntl.LOCK_NB]
