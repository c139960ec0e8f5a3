"""The checkpoint that a user means by a word."""

from collections.abc import Callable
from pathlib import Path

from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.engine.console.shown import shown
from src.engine.files.run import Run

_Pick = Callable[[Path], tuple[Path, list[str]]]


def find_checkpoint(word: str, root: Path, best: bool = False) -> tuple[Path | str, list[str]]:
    """Find the file that a user means by a checkpoint.

    Args:
        word: A file, a run's folder of checkpoints or of records, the name of a run, or `last`:
            the latest run.
        root: Folder of the runs among which a name and `last` are looked for.
        best: Whether the best state of a run is meant, if it can be read, and not the latest one.

    Returns:
        The file; a named one is taken as it is. And a sentence for each thing that was passed over.

    Raises:
        FileNotFoundError: There is no run, or it has no whole checkpoint.
    """
    pick, folder = _best if best else _newest, Path(word)
    if word == "last" and not folder.exists():
        return _of_latest_run(root, pick)
    if not folder.exists():
        named = (run.checkpoint_dir for run in Run.all(root))
        folder = next((each for each in named if each.name == word), folder)
    if not folder.is_dir():
        return word, []
    run = Run.of_folder(folder)
    return pick(run.checkpoint_dir if run else folder)


def _of_latest_run(root: Path, pick: _Pick) -> tuple[Path, list[str]]:
    passed: list[str] = []
    for run in reversed(Run.all(root)):
        try:
            path, skipped = pick(run.checkpoint_dir)
            return path, passed + skipped
        except FileNotFoundError as error:
            passed.append(str(error))
    where, how = shown(root / "checkpoints"), "`python -m src.train` begins one"
    raise FileNotFoundError("; ".join([f"there is no run in {where}", *(passed or [how])]))


def _how_to_begin_again(folder: Path) -> list[str]:
    run = Run.of_folder(folder)
    if run is None or not (config := run.log_dir / "config.yaml").is_file():
        return []
    return [f"`python -m src.train --config {shown(config)}` begins one like it"]


def _best(folder: Path) -> tuple[Path, list[str]]:
    try:
        read_checkpoint(folder / "best.ckpt")
    except (OSError, ValueError):  # missing or damaged: the latter is named among the passed over
        return _newest(folder)
    return folder / "best.ckpt", []


def _newest(folder: Path) -> tuple[Path, list[str]]:
    """Find the state with most steps of the session that began last, whatever the files' dates."""
    order, skipped = {}, []
    for path in sorted(folder.glob("*.ckpt")):
        try:
            content = read_checkpoint(path, look_beside=False)
            began = content["provenance"][-1]["began"]
            order[path] = began, content["global_step"], path.stem == "last"
        except (OSError, ValueError) as error:
            skipped.append(str(error))
    if not order:
        said = f"{shown(folder)} holds no whole checkpoint", *skipped, *_how_to_begin_again(folder)
        raise FileNotFoundError("; ".join(said))
    return max(order, key=lambda path: order[path]), skipped
