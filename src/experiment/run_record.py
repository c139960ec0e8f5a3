"""What a run left in its folder, read without torch."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from src.experiment.config_file import flat
from src.experiment.run import Run, shown


def file_digest(path: Path) -> str:
    """Identify a file by its content.

    Args:
        path: File to read.

    Returns:
        SHA-256.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def evaluation_dir(root: Path, checkpoint: Path, split: str) -> Path:
    """Name the folder of an evaluation.

    Args:
        root: Folder of the records of the run, or another.
        checkpoint: What is evaluated.
        split: On what.

    Returns:
        The folder, one for each checkpoint of a run and each split.
    """
    return root / "evaluation" / f"{checkpoint.stem}_{split}"


def read_json(path: Path) -> Any:
    """Read a file that a run wrote, if it is there.

    Args:
        path: JSON file.

    Returns:
        Its content, or None.

    Raises:
        ValueError: It is damaged.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}): delete it") from error


@dataclass
class RunRecord:
    """A run as its files tell it.

    Attributes:
        run: Its folders.
        settings: Its settings by name on the command line.
        metrics: Its figures, empty before its end.
        sessions: Provenance of each session.
        curves: Points of each scalar, step and value.
    """

    run: Run
    settings: dict[str, Any]
    metrics: dict[str, Any]
    sessions: list[dict[str, Any]]
    curves: dict[str, list[tuple[int, float]]]

    @classmethod
    def find(cls, word: str) -> "RunRecord":
        """Read the run that a user means.

        Args:
            word: One of its folders, a checkpoint in them, or `last`: the latest run here.

        Returns:
            What is known of it.

        Raises:
            FileNotFoundError: There is no such run.
            ValueError: A file of it is damaged.
        """
        run = _find(word)
        config = run.log_dir / "config.yaml"
        if not config.is_file():
            raise FileNotFoundError(f"{shown(config)} is missing: {word} is no run with records")
        return cls(
            run,
            dict(flat(yaml.safe_load(config.read_text()))),
            read_json(run.log_dir / "metrics.json") or {},
            read_json(run.log_dir / "provenance.json") or [],
            _curves(run.log_dir),
        )

    @property
    def checkpoint(self) -> Path:
        """Checkpoint that its evaluation is about."""
        best = self.run.checkpoint_dir / "best.ckpt"
        return best if best.is_file() else self.run.checkpoint_dir / "last.ckpt"

    @property
    def evaluation_dir(self) -> Path:
        """Folder of its evaluation on the test images."""
        return evaluation_dir(self.run.log_dir, self.checkpoint, "test")

    def evaluation(self) -> dict[str, Any] | None:
        """Read its evaluation.

        Returns:
            Its numbers; None if there is none of the checkpoint as it is now.
        """
        summary: dict[str, Any] | None = read_json(self.evaluation_dir / "summary.json")
        if summary is None or not self.checkpoint.is_file():
            return summary
        return summary if summary["sha256"] == file_digest(self.checkpoint) else None


def _find(word: str) -> Run:
    path = Path(word)
    if word == "last" and not path.exists():
        runs = Run.all(Path())
        if not runs:
            raise FileNotFoundError("there is no run in checkpoints")
        return runs[-1]
    run = Run.of_folder(path) or Run.of_checkpoint(path)
    if run is None or not path.exists():
        raise FileNotFoundError(
            f"{word} is no run: give a folder such as checkpoints/version_0, or `last`"
        )
    return run


def _curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    return {
        tag: [(point.step, point.value) for point in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }
