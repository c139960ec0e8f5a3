import math
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch._utils import ExceptionWrapper

from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.engine.console.failure import (
    SIGNALS,
    RunStopped,
    UsageError,
    interrupts,
    one_line_failures,
)
from src.engine.files.run import Run


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


@pytest.mark.parametrize("kind", [OSError, KeyError, UnicodeDecodeError])
def test_failure_in_a_worker_is_what_failed_there(capsys, kind: type[Exception]) -> None:
    arguments = ("utf-8", b"", 0, 1, "a.jpg") if kind is UnicodeDecodeError else ("no\n a.jpg",)
    try:
        try:
            raise ValueError("before")
        except ValueError as error:
            raise kind(*arguments) from error
    except kind:
        wrapped = ExceptionWrapper(where="in DataLoader worker process 1")
    with pytest.raises(SystemExit), one_line_failures(1, False):
        wrapped.reraise()
    line = capsys.readouterr().err
    assert line.startswith(f"error: {kind.__name__}: ")
    assert line.endswith("(in DataLoader worker process 1)\n")
    assert "a.jpg" in line
    assert "Traceback" not in line


def test_batch_of_one_sample_says_what_to_do(capsys) -> None:
    with pytest.raises(SystemExit), one_line_failures(1, False):
        torch.nn.BatchNorm1d(2)(torch.ones(1, 2))
    assert "give the loader drop_last, or another batch size" in capsys.readouterr().err


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
from src.engine.console.failure import one_line_failures
from src.engine.files.run import Run
with one_line_failures(1, False, Run.new(Path(sys.argv[1]))):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except BaseException:
        pass
"""
    words = [sys.executable, "-c", source, str(tmp_path)]
    root = Path(__file__).parents[3]
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
    way = "install the project with `make train`, then source .venv/bin/activate"
    assert capsys.readouterr().err == f"error: No module named 'torch': {way}\n"


def test_way_to_a_package_that_a_library_tells_is_enough(capsys) -> None:
    told = "`DeviceStatsMonitor` needs psutil: `pip install -U psutil`"
    assert fail(ModuleNotFoundError(told)) == 1
    assert capsys.readouterr().err == f"error: {told}\n"


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


def test_failure_of_a_run_with_a_state_is_told_whole(tmp_path: Path, capsys) -> None:
    run = Run.new(tmp_path)
    (run.checkpoint_dir / "last.ckpt").touch()
    (run.log_dir / "config.yaml").touch()
    assert fail(ValueError("b"), run=run) == 1
    file = run.log_dir / "traceback.txt"
    told = ["error: b", f"traceback: {file}", "continue with", run.resume_command]
    assert capsys.readouterr().err.splitlines() == told
    assert file.read_text().startswith("Traceback (most recent call last):\n")


def test_run_of_two_machines_is_continued_on_both(tmp_path: Path, capsys, monkeypatch) -> None:
    for name, value in {"TORCHELASTIC_RUN_ID": "a", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GROUP_WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1")
    run = Run.new(tmp_path)
    (run.checkpoint_dir / "last.ckpt").touch()
    assert fail(KeyboardInterrupt(), run=run) == 130
    how, command = capsys.readouterr().err.splitlines()[-2:]
    assert how.startswith("stopped by SIGINT; continue on each machine as it was started (one that")
    assert command == run.resume_command
    assert command.startswith("torchrun --nnodes=2 --nproc-per-node=1 -m src.train --ckpt_path ")


def test_run_that_is_refused_to_go_on_has_not_failed(tmp_path: Path, capsys) -> None:
    run = Run.new(tmp_path)
    (run.checkpoint_dir / "last.ckpt").touch()
    (run.log_dir / "config.yaml").touch()
    assert fail(UsageError("--a: b"), run=run) == 2
    told = ["error: --a: b", "continue with", run.resume_command]
    assert capsys.readouterr().err.splitlines() == told
    assert [file.name for file in run.log_dir.iterdir()] == ["config.yaml"]


def test_run_that_is_refused_before_its_first_state_leaves_nothing(tmp_path: Path, capsys) -> None:
    run = Run.new(tmp_path)
    (run.log_dir / "config.yaml").touch()
    assert fail(UsageError("--a: b"), run=run) == 2
    assert capsys.readouterr().err == "error: --a: b\n"
    assert not list(tmp_path.glob("*/version_*"))


def test_one_process_speaks_for_all(capsys, monkeypatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert fail(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("LOCAL_RANK", "0")
    fail(KeyboardInterrupt())
    assert capsys.readouterr().err == "\nstopped by SIGINT\n"


def test_stopped_run_that_wrote_nothing_gives_its_number_back(tmp_path: Path) -> None:
    fail(KeyboardInterrupt(), run=Run.new(tmp_path))
    assert Run.new(tmp_path).version == 0


def test_message_of_jsonargparse_is_explained_while_the_command_is_read(capsys) -> None:
    message = "unrecognized arguments: --epochs=3"
    fail(ValueError(message), code=2)
    assert capsys.readouterr().err.startswith("error: --epochs is not an option; did you mean")
    fail(ValueError(message), code=1)
    assert capsys.readouterr().err == f"error: {message}\n"


def test_error_without_a_text_is_its_name(capsys) -> None:
    fail(ValueError())
    assert capsys.readouterr().err == "error: ValueError\n"


def test_error_of_the_system_names_no_line(capsys) -> None:
    with pytest.raises(SystemExit), one_line_failures(1, debug=False):
        read_checkpoint("/nowhere/a.ckpt")
    assert ".py:" not in capsys.readouterr().err


def test_secrets_are_in_no_error_and_no_traceback(tmp_path: Path, capsys) -> None:
    run = Run.new(tmp_path)
    (run.log_dir / "config.yaml").touch()
    fail(ValueError("api_key=hunter2X"), run=run)
    assert "hunter2X" not in capsys.readouterr().err + (run.log_dir / "traceback.txt").read_text()


def test_traceback_is_printed_for_who_debugs(capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    with pytest.raises(ValueError, match="a") as caught, one_line_failures(1, debug=True):
        raise ValueError("a\x1b[2J")
    sys.excepthook(ValueError, caught.value, None)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1].startswith("ValueError: a")
    assert "\x1b" not in lines[-1]


def test_interrupt_that_was_made_an_exit_is_passed_on() -> None:
    stop = SystemExit(1)
    stop.__context__ = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt), interrupts():
        raise stop
    with pytest.raises(SystemExit, match="3"), interrupts():
        sys.exit(3)


def test_signals_stay_as_they_are_where_python_allows_no_other() -> None:
    def work() -> str:
        with one_line_failures(1, debug=False):
            return "done"

    with ThreadPoolExecutor(1) as other:
        assert other.submit(work).result() == "done"


def test_signal_ends_the_process_and_tells_how_to_go_on(tmp_path: Path, capsys) -> None:
    run, codes = Run.new(tmp_path), []
    (run.checkpoint_dir / "last.ckpt").touch()
    with pytest.MonkeyPatch.context() as patch, one_line_failures(1, debug=False, run=run):
        patch.setattr("os._exit", codes.append)
        signal.raise_signal(signal.SIGUSR1)
    assert codes == [138]
    said = f"\nstopped by SIGUSR1; continue with\n{run.resume_command}\n"
    assert capsys.readouterr().err == said


def test_signals_that_end_a_run_are_those_of_users_and_clusters() -> None:
    assert [signal.Signals(number).name for number in SIGNALS] == ["SIGINT", "SIGTERM", "SIGUSR1"]
