"""A run as its files tell it, read without torch."""

import math
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from src.engine.console.note import note
from src.engine.console.shown import shown
from src.engine.files.lock import is_held
from src.engine.files.reading import evaluation_dir, file_digest, read_json, read_text
from src.engine.files.run import LOGS, Run
from src.engine.files.shape import METRICS, OVERVIEW, RUN_PROGRESS, SESSION
from src.engine.records.config_file import flat, read_plain
from src.engine.records.ledger import config_digest
from src.engine.records.masked_settings import masked_settings
from src.engine.records.metric import Metric

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
    def overview(self) -> dict[str, Any]:
        """What lists show of it, see `save_config`; empty before training begins."""
        return read_json(self.log_dir / "run.json", OVERVIEW) or {}

    @cached_property
    def progress(self) -> dict[str, Any]:
        """How far it is, see `src.engine.records.heartbeat`; empty before training begins."""
        try:
            return read_json(self.log_dir / "progress.json", RUN_PROGRESS) or {}
        except ValueError:  # cut by a power failure: it only informs
            return {}

    @cached_property
    def curves(self) -> dict[str, list[tuple[int, float]]]:
        """Points of each scalar, step and value."""
        return _read_curves(self.log_dir)

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
    def group(self) -> str:
        """Group that it belongs to; none if its files do not tell."""
        try:
            return self.overview.get("group") or ""
        except ValueError as error:  # the others of the group have no part in it
            note(str(error))
            return ""

    @property
    def seed(self) -> int:
        """Its seed."""
        seed = self.overview.get("seed")
        seed = self.settings.get("seed_everything") if seed is None else seed
        if not isinstance(seed, int):
            raise ValueError(f"{shown(self.log_dir)} does not tell the seed of its run: delete it")
        return seed

    @property
    def config(self) -> str:
        """Digest of its configuration, the same for all seeds."""
        return str(self.overview.get("config") or config_digest(self.settings))

    @cached_property
    def known(self) -> dict[str, Metric]:
        """What is known of its metrics, by name."""
        found = self.overview.get("metrics", {})
        return {name: Metric(name, each["mode"], each["format"]) for name, each in found.items()}

    @property
    def headline(self) -> Metric | None:
        """Metric of the validation that chooses its best state; None if there is none."""
        if "metrics" in self.overview:
            return self.known.get(self.overview.get("headline") or "")
        name, mode = (self.settings.get(f"best.{key}") for key in ("monitor", "mode"))
        # It was recorded before metrics were.
        return Metric(str(name), "min" if mode == "min" else "max") if name else None

    def metric(self, name: str) -> Metric | None:
        """Look up what is known of one of its metrics.

        Args:
            name: As it is in its figures, such as `test/acc` or `val/acc_best`.

        Returns:
            What is known; None if it is not known which value is best.
        """
        metrics = [*self.known.values(), *filter(None, [self.headline])]
        known = {metric.tested.name: metric for metric in metrics}
        known |= {metric.name: metric for metric in metrics}
        found = known.get(name.removesuffix("_best"))
        return found and found._replace(name=name)

    @property
    def best_val(self) -> float | None:
        """Best value of its headline metric in validation so far."""
        if (metric := self.headline) is None:
            return None
        if (best := self.metrics.get(f"{metric.name}_best")) is not None:
            return float(best)
        pick = max if metric.mode == "max" else min
        seen = [each[metric.name] for each in self.validations if metric.name in each]
        return pick(filter(math.isfinite, seen), default=None)

    @property
    def rank(self) -> float:
        """Place among runs of the same metric: less is better, infinite without a validation."""
        if (best := self.best_val) is None or self.headline is None:
            return math.inf
        return -best if self.headline.mode == "max" else best

    @property
    def tested(self) -> float | None:
        """Value of its headline metric in the test; None where it has no name of its own there."""
        name = self.headline.tested.name if self.headline else ""
        value = None if self.headline and name == self.headline.name else self.metrics.get(name)
        return None if value is None else float(value)

    @property
    def validations(self) -> list[dict[str, float]]:
        """Step, seconds, samples and metrics of each validation so far; NaN is null in its file."""
        return [
            {name: math.nan if value is None else value for name, value in each.items()}
            for each in self.progress.get("validations", [])
        ]

    @property
    def checkpoint(self) -> Path:
        """Checkpoint that its evaluation is about."""
        best = self.run.checkpoint_dir / "best.ckpt"
        return best if best.is_file() else self.run.checkpoint_dir / "last.ckpt"

    @property
    def evaluation_dir(self) -> Path:
        """Folder of its evaluation on the test images."""
        return evaluation_dir(self.log_dir, self.checkpoint, "test")

    def evaluation(self, shape: Any = dict) -> dict[str, Any] | None:
        """Read its evaluation.

        Args:
            shape: What it must look like, see `src.engine.files.shape`.

        Returns:
            Its numbers; None if there is none of the checkpoint as it is now.
        """
        found = read_json(self.evaluation_dir / "summary.json", shape)
        summary: dict[str, Any] | None = found
        if not summary or not self.checkpoint.is_file():
            return summary or None
        return summary if summary.get("sha256") == file_digest(self.checkpoint) else None


def split_inputs(session: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Divide what a session of a run depended on.

    Args:
        session: Its provenance; empty if none was recorded.

    Returns:
        Check sums of the data by file, and versions, devices and everything else by name.
    """
    data, others = {}, {}
    for name, value in session.get("inputs", {}).items():
        if name.startswith("data "):
            data[name.removeprefix("data ")] = value
        else:
            others[name] = value
    return data, others


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


def _read_curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Read the event files of a run; of damaged ones, what can be read."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    if not all(map(Path.is_file, folder.glob("*tfevents*"))):  # a pipe may never end
        note(f"{shown(folder)}: its curves are not read, for they are not in files")
        return {}
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    try:
        events.Reload()
    except Exception as error:  # Protocol Buffers and TensorBoard have many
        note(f"{shown(folder)}: its curves cannot be read to their end ({type(error).__name__})")
    return {
        tag: [(point.step, point.value) for point in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }
