"""What a run has learned, from its checkpoint alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lightning.pytorch import LightningDataModule, LightningModule

from src.engine.checkpoints.build import build
from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.engine.checkpoints.consent import trust
from src.engine.checkpoints.find_checkpoint import find_checkpoint
from src.engine.checkpoints.trusted import Trusted
from src.engine.console.note import note
from src.engine.files.run import Run
from src.engine.records.config_file import DATA_PLACES, flat
from src.engine.records.ledger import run_digest


@dataclass
class Trained:
    """A trained task and its data set, as the configuration in a checkpoint describes them.

    Attributes:
        path: Its checkpoint.
        checkpoint: Content of that.
        config: Configuration in that, with the folder of the data set as it is here.
        task: Task with the weights of the checkpoint, in evaluation mode, on the CPU.
        data: Data set, whose files have not been looked at; None if the task has its own loaders.
    """

    path: Path
    checkpoint: dict[str, Any]
    config: Trusted
    task: LightningModule
    data: LightningDataModule | None

    @classmethod
    def load(cls, word: str, data_dir: str | None = None, trusted: str | None = None) -> Self:
        """Find a checkpoint and build what was trained.

        Args:
            word: A checkpoint, one of a run's folders (its best checkpoint is taken), or `last`:
                the latest run in the working directory.
            data_dir: Folder of the data set; None looks where the run had it, then in its root.
            trusted: Packages that the user trusts from now on, with commas between them.

        Returns:
            Task and data set.

        Raises:
            FileNotFoundError: There is no such checkpoint.
            ValueError: It cannot be used, its network is no longer the one of this code, or it has
                no data set whose folder could be another one.
        """
        trust(trusted)
        found, passed_over = find_checkpoint(word, Path(), best=True)
        for reason in passed_over:
            note(f"passed over: {reason}")
        path = Path(found)
        checkpoint = read_checkpoint(path)
        run = Run.of_checkpoint(path)
        config = Trusted.read(checkpoint["config"], run=run)
        _find_data(config.content, data_dir, run)
        task, data = build(config, checkpoint["state_dict"])
        if data is None and data_dir is not None:
            raise ValueError(f"--data_dir {data_dir}: the run has no data set, leave it")
        if data and hasattr(data, "download") and data_dir is None and not config.own:
            data.download = False  # whose folder only the checkpoint names
        return cls(path, checkpoint, config, task.eval(), data)

    def restore_data(self) -> None:
        """Give the data set what the checkpoint keeps of it, such as the mean that it computed."""
        state = self.checkpoint.get(type(self.data).__qualname__)  # as Lightning calls it
        if self.data and isinstance(state, dict):
            self.data.load_state_dict(state)

    @property
    def run(self) -> Run | None:
        """Folders of the run that wrote the checkpoint; None if the file lies elsewhere."""
        return Run.of_checkpoint(self.path)

    @property
    def log_dir(self) -> Path | None:
        """Folder of the records of that run; None if there is none."""
        return self.run.log_dir if self.run and self.run.log_dir.is_dir() else None

    @property
    def described(self) -> dict[str, Any]:
        """What the ledger of looks at the test set tells of it, in plain types."""
        settings = dict(flat(self.config.content))
        return {
            "run": f"version_{self.run.version}" if self.run else self.path.name,
            "seed": settings.get("seed_everything"),
            "commit": self.checkpoint["provenance"][-1]["git"]["commit"],
            "config": run_digest(settings, self.checkpoint["provenance"][0]["inputs"]),
        }

    @property
    def kind(self) -> str:
        """What kind of task it is, as its class publishes it; empty if that says nothing."""
        kind = getattr(type(self.task), "kind", "")
        return kind if isinstance(kind, str) else ""


def _find_data(content: dict[str, Any], data_dir: str | None, run: Run | None) -> None:
    """Set the folder of the data set: the user's, the run's from here, or the run's in its root."""
    if not content.get("data"):
        return
    settings = content["data"]["init_args"] = content["data"].get("init_args") or {}
    name = next((each for each in DATA_PLACES if each in settings), "data_dir")
    before = settings.get(name)
    if data_dir is not None:
        settings[name] = data_dir
    elif run and isinstance(before, str) and not Path(before).exists():
        inside = run.root / before
        settings[name] = str(inside) if inside.exists() else before
