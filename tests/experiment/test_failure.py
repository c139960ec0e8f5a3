import math
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from src.experiment.failure import RunStopped, one_line_failures
from src.experiment.run import Run


def fail(error: BaseException, code: int = 1, run: Run | None = None, debug: bool = False) -> int:
    with pytest.raises(SystemExit) as stop, one_line_failures(code, debug, run):
        raise error
    return stop.value.code


@pytest.mark.parametrize("code", [1, 2])
def test_failure_is_one_line_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], code: int
) -> None:
    assert fail(ValueError("first\nsecond"), code) == code
    assert capsys.readouterr().err == "error: first second\n"


def test_stop_by_the_user_exits_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert fail(KeyboardInterrupt()) == 130
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGUSR1, 138)])
def test_stop_by_a_signal_tells_how_to_go_on(
    tmp_path: Path, capsys, signum: int, code: int
) -> None:
    run = Run.new(tmp_path)
    (run.checkpoint_dir / "last.ckpt").touch()
    assert fail(RunStopped(signum), run=run) == code
    error = capsys.readouterr().err
    assert f"stopped by {signal.Signals(signum).name}; continue with" in error
    assert f"python -m src.train --ckpt_path {run.checkpoint_dir}\n" in error


def test_signal_ends_at_once_what_is_no_training(tmp_path: Path) -> None:
    source = """
import os, signal, sys
from pathlib import Path
from src.experiment.failure import one_line_failures
from src.experiment.run import Run
with one_line_failures(1, False, Run.new(Path(sys.argv[1]))):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except BaseException:
        pass
"""
    words = [sys.executable, "-c", source, str(tmp_path)]
    root = Path(__file__).parents[2]
    done = subprocess.run(words, capture_output=True, text=True, cwd=root, check=False)
    assert (done.returncode, done.stderr) == (143, "\nstopped by SIGTERM\n")
    assert not list(tmp_path.glob("*/version_*"))


def test_handlers_are_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with one_line_failures(1, debug=False):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_debug_lets_the_exception_pass() -> None:
    with pytest.raises(ZeroDivisionError), one_line_failures(1, debug=True):
        math.fmod(1, 1 // 0)


def test_traceback_is_kept_with_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run.new(tmp_path)
    (run.log_dir / "config.yaml").touch()
    fail(ValueError("broken"), run=run)
    assert "ValueError: broken" in (run.log_dir / "traceback.txt").read_text()
    assert str(run.log_dir / "traceback.txt") in capsys.readouterr().err


def test_traceback_that_cannot_be_written_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run.new(tmp_path)
    (run.log_dir / "traceback.txt").mkdir()
    assert fail(OSError("disk full"), run=run) == 1
    assert capsys.readouterr().err == "error: disk full\n"


def test_missing_package_comes_with_the_way_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert fail(ModuleNotFoundError("No module named 'torch'"), code=2) == 2
    assert "make train" in capsys.readouterr().err


def test_run_that_wrote_nothing_gives_its_number_back(tmp_path: Path) -> None:
    fail(ValueError("broken"), run=Run.new(tmp_path))
    assert Run.new(tmp_path).version == 0


def test_failure_inside_a_library_names_our_line(capsys: pytest.CaptureFixture[str]) -> None:
    from src.models import CNN

    with pytest.raises(SystemExit), one_line_failures(1, debug=False):
        CNN()(torch.zeros(1, 2, 28, 28))
    error = capsys.readouterr().err
    assert error.startswith("error: RuntimeError: ")
    assert "cnn.py:" in error
