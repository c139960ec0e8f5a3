"""The checkpoint that a user means by a word."""

from collections.abc import Callable
from pathlib import Path

from src.engine.checkpoints.checkpoint_file import newest_checkpoint, read_checkpoint
from src.engine.console.shown import shown
from src.engine.files.run import Run


def find_checkpoint(
    word: str, root: Path, pick: Callable[[Path], tuple[Path, list[str]]] = newest_checkpoint
) -> tuple[Path | str, list[str]]:
    """Find the file that a user means by a checkpoint.

    Args:
        word: A file, a run's folder of checkpoints or of records, or `last`: the latest run.
        root: Folder of the runs among which `last` is looked for.
        pick: Chooses in a run's folder of checkpoints.

    Returns:
        The file; a named one is taken as it is, of a run the one that is picked. And a sentence
        for each thing that was passed over.

    Raises:
        FileNotFoundError: There is no run, or it has no whole checkpoint.
    """
    if word == "last" and not Path(word).exists():
        return _of_latest_run(root, pick)
    folder = Path(word)
    if not folder.is_dir():
        return word, []
    run = Run.of_folder(folder)
    return pick(run.checkpoint_dir if run else folder)


def best_checkpoint(folder: Path) -> tuple[Path, list[str]]:
    """Choose the state of a run that is used: the best one, else the latest whole one.

    Args:
        folder: Folder of checkpoints.

    Returns:
        The file, and a sentence for each one that had to be passed over.

    Raises:
        FileNotFoundError: There is none.
    """
    best = folder / "best.ckpt"
    try:
        read_checkpoint(best)
    except (OSError, ValueError):  # missing or damaged: the latter is named among the passed over
        return newest_checkpoint(folder)
    return best, []


def _of_latest_run(
    root: Path, pick: Callable[[Path], tuple[Path, list[str]]]
) -> tuple[Path, list[str]]:
    passed: list[str] = []
    for run in reversed(Run.all(root)):
        try:
            path, skipped = pick(run.checkpoint_dir)
        except FileNotFoundError as error:
            passed.append(str(error))
        else:
            return path, passed + skipped
    where = shown(root / "checkpoints")
    raise FileNotFoundError("; ".join([f"there is no run in {where}", *passed]))
