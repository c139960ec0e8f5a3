"""Checkpoint files: written whole, verified when read, and never executed."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lightning.fabric.plugins import CheckpointIO
from torch import Tensor, is_tensor
from typing_extensions import override

from src.engine.checkpoints.on_all_machines import on_all_machines
from src.engine.console.note import note
from src.engine.console.shown import shown
from src.engine.files.atomic_write import write_atomic
from src.engine.files.plain_file import load_plain, packed
from src.engine.files.shape import PROGRESS, SESSION, misfit
from src.engine.lightning_compat import LOOPS

_COUNT = range(2**63)
_LOADER = {
    **{"epoch?": int, "first?": int, "seeds?": [range(-(2**63), 2**64)]},
    **{"since?": _COUNT, "sampler?": [object], "data?": object, "cycle?": _COUNT},
}
_SUM = {
    **{"hook": str, "name": str, "reduce": str, "flags": [str], "sync": [str]},
    **{"value": Tensor, "cumulated_batch_size?": Tensor, "_forward_cache?": Tensor},
}
_SHAPE = {
    "config": re.compile(r"(?s).{0,1000000}"),
    "provenance": [SESSION, ...],
    "loops": LOOPS,
    "global_step": _COUNT,
    "pytorch-lightning_version": re.compile(r"\d[\w.+-]{0,50}"),
    "state_dict": {str: Tensor},
    "optimizer_states": [dict],
    "lr_schedulers": [dict],
    "callbacks": {"Heartbeat?": PROGRESS, "Target?": {"reached": {str: float}}, str: object},
    "epoch_metrics": [{str: {"updates": int}}],
    "metrics": {str: float},
    "sums?": [{str: _SUM}],
    "flags?": {key: [str] for key in ("frozen", "evaluating", "untracked")},
    "configured?": {str: {str: object}},
    "attributes?": {"in_epoch": bool, "processes": [{str: {"same": bool, "value": object}}, ...]},
    "loaders?": [[_LOADER]],
    "calibration?": {"temperature": float, "step": int},
}
_PARTS = {name for name in _SHAPE if not name.endswith("?")}


class WholeCheckpointIO(CheckpointIO):
    """Read and write the checkpoints of a Trainer as this module does.

    Args:
        folders: Tells in which folders checkpoints may be removed.
    """

    def __init__(self, folders: Callable[[], Iterable[Path]] = lambda: ()) -> None:
        self._folders = folders
        self._began = ""

    @override
    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        self._began = _began(checkpoint)
        write_atomic(Path(path), packed(checkpoint))

    @override
    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        if "://" in str(path):
            return read_checkpoint(path)  # which refuses it
        with on_all_machines(Path(path)) as file:
            return read_checkpoint(file)

    @override
    def remove_checkpoint(self, path: str | Path) -> None:
        path = Path(path)  # which a checkpoint may have named, and that comes from anywhere
        allowed = path.parent.resolve() in [folder.resolve() for folder in self._folders()]
        if allowed and path.suffix == ".ckpt" and not path.is_symlink() and self._wrote(path):
            path.unlink()
        elif path.exists():
            note(f"{shown(path)} was not removed: it is no checkpoint of this run")

    def _wrote(self, path: Path) -> bool:
        """Tell whether a file is a checkpoint of the run that is being saved."""
        try:
            return _began(read_checkpoint(path)) == self._began
        except (OSError, ValueError):
            return False


def read_checkpoint(path: str | Path, look_beside: bool = True) -> dict[str, Any]:
    """Read a checkpoint that a run wrote, after comparing it with its own check sums.

    Args:
        path: File to read.
        look_beside: Whether the error of a broken file names the sound ones beside it.

    Returns:
        Its content, on the CPU.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is an address, damaged, holds more than data, or is not from a run of this
            project.
    """
    content = load_plain(path, look_beside)
    name = shown(Path(path))
    if not isinstance(content, dict) or not content.keys() >= _PARTS:
        tensors = isinstance(content, dict) and content and all(map(is_tensor, content.values()))
        what = "holds weights only" if tensors else "was not written by this command"
        raise ValueError(
            f"{name} {what}, it holds no configuration of a run: give another .ckpt, or begin a "
            "new run from its weights with --weights"
        )
    if wrong := misfit(content, _SHAPE):
        raise ValueError(f"{name} is not a checkpoint of this project: {wrong}")
    return content


def _began(checkpoint: dict[str, Any]) -> str:
    return str(checkpoint["provenance"][0]["began"]) if checkpoint.get("provenance") else ""
