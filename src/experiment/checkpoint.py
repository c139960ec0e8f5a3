"""Checkpoint files: which are kept, and how one is read."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from typing_extensions import override


class RunCheckpoint(ModelCheckpoint):
    """Lightning's ModelCheckpoint; its memory survives a move, its averaged weights a test."""

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        here = Path(self.dirpath or ".")
        best = here / Path(state_dict["best_model_path"]).name
        if not best.is_file():
            return  # the checkpoint continues in a new run, which has no best file yet
        moved = {
            name: str(here / Path(state_dict[name]).name) if state_dict[name] else ""
            for name in ("best_model_path", "kth_best_model_path", "last_model_path")
        }
        scores = {
            str(here / Path(path).name): score
            for path, score in state_dict["best_k_models"].items()
        }
        super().load_state_dict(
            {**state_dict, **moved, "dirpath": str(here), "best_k_models": scores}
        )

    @override
    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if trainer.testing and "current_model_state" in checkpoint:
            # Lightning 2.6's WeightAveraging has just put back the weights from before averaging.
            pl_module.load_state_dict(checkpoint["state_dict"])


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint that a run wrote; nothing in it is executed.

    Args:
        path: File to read.

    Returns:
        Its content; tensors stay on disk until they are used.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, or not from a run of this project.
    """
    if not path.is_file():
        found = ", ".join(str(file) for file in sorted(path.parent.glob("*.ckpt"))) or "none"
        raise FileNotFoundError(f"there is no checkpoint {path}; in its folder: {found}")
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:
        raise ValueError(
            f"{path} is not a whole checkpoint ({type(error).__name__}): give another one"
        ) from error
    if not isinstance(content, dict) or "config" not in content:
        raise ValueError(
            f"{path} was not written by this command, it holds no configuration: give another one"
        )
    return content


def refuse_finished(checkpoint: dict[str, Any], max_epochs: int | None, max_steps: int) -> None:
    """Say so when a checkpoint has already reached the end that is set for the training.

    Args:
        checkpoint: Content of the file.
        max_epochs: Epochs at which the training ends; None and -1 set no end.
        max_steps: Steps at which it ends; -1 sets no end.

    Raises:
        ValueError: Nothing is left to train.
    """
    epochs = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"]
    steps = checkpoint["global_step"]
    for done, end, unit in [(epochs, max_epochs, "epochs"), (steps, max_steps, "steps")]:
        if end is not None and 0 <= end <= done:
            raise ValueError(
                f"the checkpoint has already reached its end, {done} {unit}: "
                f"give --trainer.max_{unit} more than {done}"
            )
