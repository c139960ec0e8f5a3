"""A run as its files tell it, read without torch."""

from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from src.experiment.config_file import flat
from src.experiment.curves import read_curves
from src.experiment.lock import is_held
from src.experiment.looks import config_digest
from src.experiment.masked_settings import masked_settings
from src.experiment.plain import read_plain
from src.experiment.run import LOGS, Run, shown
from src.experiment.run_files import evaluation_dir, file_digest, read_json, read_text
from src.experiment.shape import GLANCE, METRICS, RUN_PROGRESS, SESSION, SUMMARY

_RENAMED = {  # what older runs call otherwise
    "test_images": "test_samples",
    "to_target_images": "to_target_samples",
    "train/images_per_s": "train/samples_per_s",
}
Status = Literal["running", "finished", "interrupted", "failed", "pruned"]


class RunRecord:
    """A run as its files tell it; each file is read when it is asked for, and once.

    Args:
        run: Its folders.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.name = f"version_{run.version}"
        self.log_dir = run.log_dir

    @classmethod
    def find(cls, word: str) -> "RunRecord":
        """Find the run that a user means.

        Args:
            word: One of its folders, its name, a checkpoint in it, or `last`: the latest run here.

        Returns:
            The run.

        Raises:
            FileNotFoundError: There is no such run, or it has no records.
        """
        run = _find(word)
        config = run.log_dir / "config.yaml"
        if not config.is_file():
            raise FileNotFoundError(f"{shown(config)} is missing: {word} is no run with records")
        return cls(run)

    @classmethod
    def all(cls, root: Path) -> list["RunRecord"]:
        """List the runs in a folder that have records.

        Args:
            root: Folder that holds `lightning_logs`.

        Returns:
            The runs, from the first to the latest.
        """
        files = (root.resolve() / LOGS).glob("version_*/config.yaml")
        runs = [Run.of_folder(file.parent) for file in files]
        return sorted((cls(run) for run in runs if run), key=lambda record: record.run.version)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Its settings by name on the command line."""
        path = self.log_dir / "config.yaml"
        try:
            content = read_plain(read_text(path))
        except ValueError as error:
            raise ValueError(f"{path} is damaged ({error}): delete it") from error
        if not isinstance(content, dict) or "seed_everything" not in content:
            raise ValueError(f"{path} is no configuration of a run: delete it")
        return dict(flat(masked_settings(content)))

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Its figures, empty before its end."""
        found = read_json(self.log_dir / "metrics.json", METRICS) or {}
        return {_RENAMED.get(name, name): value for name, value in found.items()}

    @cached_property
    def sessions(self) -> list[dict[str, Any]]:
        """Provenance of each session."""
        return read_json(self.log_dir / "provenance.json", [SESSION]) or []

    @cached_property
    def glance(self) -> dict[str, Any]:
        """What lists show of it, see `src.experiment.record`; empty before training begins."""
        return read_json(self.log_dir / "run.json", GLANCE) or {}

    @cached_property
    def progress(self) -> dict[str, Any]:
        """How far it is, see `src.experiment.heartbeat`; empty before training begins."""
        try:
            return read_json(self.log_dir / "progress.json", RUN_PROGRESS) or {}
        except ValueError:  # cut by a power failure: it only informs
            return {}

    @cached_property
    def curves(self) -> dict[str, list[tuple[int, float]]]:
        """Points of each scalar, step and value."""
        return read_curves(self.log_dir)

    @property
    def status(self) -> Status:
        """What has become of it."""
        if is_held(self.run.checkpoint_dir):
            return "running"
        if (self.log_dir / "pruned.txt").is_file():
            return "pruned"
        if (self.log_dir / "traceback.txt").is_file():
            return "failed"
        done = self.metrics.get("steps", -1) >= self.progress.get("step", 0)
        return "finished" if done else "interrupted"

    @property
    def seed(self) -> int:
        """Its seed."""
        seed = self.glance.get("seed")
        seed = self.settings.get("seed_everything") if seed is None else seed
        if not isinstance(seed, int):
            raise ValueError(f"{shown(self.log_dir)} does not tell the seed of its run: delete it")
        return seed

    @property
    def config(self) -> str:
        """Digest of its configuration, the same for all seeds."""
        return str(self.glance.get("config") or config_digest(self.settings))

    @property
    def best_val(self) -> float | None:
        """Best validation accuracy so far."""
        if (best := self.metrics.get("val/acc_best")) is not None:
            return float(best)
        seen = [each["val/acc"] for each in self.validations if "val/acc" in each]
        return max(seen, default=None)

    @property
    def validations(self) -> list[dict[str, float]]:
        """Step, seconds, images and metrics of each validation so far."""
        found: list[dict[str, float]] = self.progress.get("validations", [])
        return found

    @property
    def checkpoint(self) -> Path:
        """Checkpoint that its evaluation is about."""
        best = self.run.checkpoint_dir / "best.ckpt"
        return best if best.is_file() else self.run.checkpoint_dir / "last.ckpt"

    @property
    def evaluation_dir(self) -> Path:
        """Folder of its evaluation on the test images."""
        return evaluation_dir(self.log_dir, self.checkpoint, "test")

    def evaluation(self) -> dict[str, Any] | None:
        """Read its evaluation.

        Returns:
            Its numbers; None if there is none of the checkpoint as it is now.
        """
        found = read_json(self.evaluation_dir / "summary.json", SUMMARY)
        summary: dict[str, Any] | None = found
        if not summary or not self.checkpoint.is_file():
            return summary or None
        return summary if summary.get("sha256") == file_digest(self.checkpoint) else None


def _find(word: str) -> Run:
    path = Path(word)
    if word == "last" and not path.exists():
        runs = Run.all(Path())
        if not runs:
            raise FileNotFoundError("there is no run in checkpoints")
        return runs[-1]
    if not path.exists() and (Path(LOGS) / word).is_dir():
        path = Path(LOGS) / word
    run = Run.of_folder(path) or Run.of_checkpoint(path)
    if run is None or not path.exists():
        raise FileNotFoundError(
            f"{word} is no run: give a folder such as checkpoints/version_0, or `last`"
        )
    return run
