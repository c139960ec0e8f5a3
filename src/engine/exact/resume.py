"""The run that a user wants to continue."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch import LightningModule, Trainer
from packaging.version import Version

from src.engine.checkpoints.build import build
from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.engine.checkpoints.find_checkpoint import find_checkpoint
from src.engine.checkpoints.trusted import Trusted
from src.engine.checkpoints.weights import refuse_other_weights
from src.engine.console.note import note
from src.engine.console.shown import shown
from src.engine.files.links import refuse_links
from src.engine.files.run import Run
from src.engine.lightning_compat import has_reached
from src.engine.records.changes import (
    Change,
    changes,
    refuse_finished,
    refuse_other_batch,
    refuse_other_experiment,
)
from src.engine.records.config_file import settings


@dataclass
class Resumed:
    """A run that continues.

    Attributes:
        path: Its checkpoint.
        checkpoint: Content of that.
        trusted: Its configuration.
        changes: Settings that are to be otherwise from here on.
        settings: All settings from here on, by name.
    """

    path: Path
    checkpoint: dict[str, Any]
    trusted: Trusted
    changes: list[Change] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def find(cls, word: str, root: Path, words: list[str]) -> "Resumed":
        """Find the run that a user means, and say what was passed over.

        Args:
            word: A checkpoint, one of a run's folders, or `last`: the latest run.
            root: Folder of the runs among which `last` is looked for.
            words: All words of the command.

        Returns:
            The run; a named file is taken as it is, of a run the latest whole one.

        Raises:
            FileNotFoundError: There is no run, or it has no whole checkpoint.
            ValueError: The file cannot be used.
        """
        path, passed_over = find_checkpoint(word, root)
        checkpoint = read_checkpoint(path)
        run = Run.of_checkpoint(Path(path))
        trusted = Trusted.read(checkpoint["config"], words, run)
        if not trusted.own:
            build(trusted, checkpoint["state_dict"])  # else it would be refused much later
        for reason in passed_over:
            note(f"passed over: {reason}")
        return cls(Path(path), {**checkpoint, "config": trusted.text}, trusted)

    @property
    def step(self) -> int:
        """Optimizer steps that are done."""
        return int(self.checkpoint["global_step"])

    def is_reached(self, trainer: Trainer) -> bool:
        """Tell whether another run has come as far; the last batch of an epoch may take no step.

        Args:
            trainer: Trainer of that run, between two batches.

        Returns:
            Whether it has taken its steps and batches and ended its epochs.
        """
        return trainer.global_step >= self.step and has_reached(trainer, self.checkpoint)

    def change(self, config: str) -> None:
        """Compare its configuration with the one that it shall have from here on.

        Args:
            config: That one, as YAML.

        Raises:
            ValueError: It would be another experiment, or nothing is left to do.
        """
        self.settings = settings(config)
        self.changes = changes(self.checkpoint["config"], config)
        run = Run.of_checkpoint(self.path)
        moves = {"trainer.default_root_dir"} if run is None else set()  # of the new run
        refuse_other_experiment([change for change in self.changes if change.name not in moves])
        asks = any(change.name == "test" and change.now for change in self.changes)
        if run is None or run.finished_step(tested=asks) >= self.step:
            refuse_finished(self.checkpoint, self.settings, self.changes)

    def check(self, trainer: Trainer, model: LightningModule) -> None:
        """Compare it with what was made of the configuration, and tell the user how it goes on.

        Args:
            trainer: Trainer of the run.
            model: Its task.

        Raises:
            ValueError: The batch size over all processes or the network differs.
        """
        processes = int(self.checkpoint["provenance"][-1]["inputs"]["processes"])
        before = settings(self.checkpoint["config"])
        refuse_other_batch(before, self.settings, [processes, trainer.world_size])
        refuse_other_weights(model, self.checkpoint["state_dict"])
        version = self.checkpoint["pytorch-lightning_version"]
        if Version(version) > Version(lightning.__version__):
            note(
                f"the checkpoint is of lightning {version}, newer than {lightning.__version__} here"
            )
        note(f"continuing {shown(self.path)} at step {self.step}")
        for name, old, new in self.changes:
            note(f"changed: --{name} {old} -> {new}")
        for part in ("state_dict", "optimizer_states"):
            del self.checkpoint[part]  # Lightning reads them again: no need to hold them for long


def find_run(resumed: Resumed | None, trainer: Trainer) -> Run:
    """Find the folders that a run goes on in, or claim new ones, and keep them for this process.

    Args:
        resumed: The run so far, if it continues.
        trainer: Its trainer.

    Returns:
        The run.

    Raises:
        OSError: Its folders cannot be written, or another process is at it.
        ValueError: A link in its folders leads elsewhere.
    """
    root = Path(trainer.default_root_dir).resolve()
    run = Run.of_checkpoint(resumed.path) if resumed else None
    if run:
        refuse_links(run.log_dir, run.checkpoint_dir)
        run.refuse_read_only()
    elif trainer.is_global_zero:
        run = Run.new(root)
    else:  # the first process writes, and tells the others where the checkpoints are
        return Run(root, 0)
    if trainer.is_global_zero:
        run.hold()
    return run
