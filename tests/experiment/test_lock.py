import subprocess
import sys
from pathlib import Path

import pytest

from src.experiment.lock import hold, is_held

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such locks")


def test_folder_is_kept_for_one_process(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    assert hold(tmp_path)
    assert hold(tmp_path)  # twice is once
    assert not is_held(tmp_path)  # by another process
    code = (
        "import sys; from pathlib import Path; from src.experiment.lock import hold; "
        f"sys.exit(hold(Path({str(tmp_path)!r})))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_folder_of_another_process_is_held(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from src.experiment.lock import hold; "
        f"hold(Path({str(tmp_path)!r})); print(1, flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as other:
        other.stdout.readline()
        assert is_held(tmp_path)
        assert not hold(tmp_path)
        other.communicate()
    assert not is_held(tmp_path)


def test_folder_that_is_not_there_is_nobodys(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "none")
