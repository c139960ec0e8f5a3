"""Failures in one line, with the right exit code and nothing lost."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from src.experiment.explain import explain
from src.experiment.run import Run, shown

USER_ERROR, RUN_ERROR = 2, 1  # exit codes
_SOURCE = Path(__file__).parents[1]


@contextmanager
def one_line_failures(exit_code: int, debug: bool, run: Run | None = None) -> Iterator[None]:
    """Turn an exception into one line on standard error and an exit code.

    The traceback goes to `traceback.txt` in the run's folder; a run that wrote nothing gives its
    number back.

    Args:
        exit_code: `USER_ERROR` while the command is read, `RUN_ERROR` while the run goes on.
        debug: Whether to let the exception pass, with its traceback.
        run: Folders of the run, if it has any.

    Yields:
        Nothing.

    Raises:
        SystemExit: Something failed, with `exit_code`, or the user stopped it, with 130.
    """
    try:
        yield
    except KeyboardInterrupt:
        if run:
            run.discard_if_empty()
        print(f"\nstopped{_how_to_go_on(run)}", file=sys.stderr)
        raise SystemExit(130) from None
    except Exception as error:
        if run:
            run.discard_if_empty()
        if debug:
            raise
        sentence = explain(str(error)) if exit_code == USER_ERROR else _located(error)
        if isinstance(error, ModuleNotFoundError):
            sentence += ": install the project (make train), then source .venv/bin/activate"
        print(f"error: {sentence}", file=sys.stderr)
        if run and run.log_dir.is_dir():
            file = run.log_dir / "traceback.txt"
            with suppress(OSError):  # perhaps the disk is full, which was the failure
                file.write_text("".join(traceback.format_exception(error)))
                print(f"traceback: {shown(file)}", file=sys.stderr)
        raise SystemExit(exit_code) from None


def _how_to_go_on(run: Run | None) -> str:
    saved = run and (run.checkpoint_dir / "last.ckpt").exists()
    return f"; continue with\n{run.resume_command}" if run and saved else ""


def _located(error: Exception) -> str:
    """Say what failed and, unless our own code explains it, at which of its lines."""
    text = " ".join(str(error).split()) or type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)[1:]  # without the `yield` above
    ours = [frame for frame in frames if _SOURCE in Path(frame.filename).parents]
    if isinstance(error, OSError) or not ours or ours[-1] is frames[-1]:
        return text
    return f"{type(error).__name__}: {text} ({Path(ours[-1].filename).name}:{ours[-1].lineno})"
