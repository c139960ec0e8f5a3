"""Checkpoint files: written whole, verified when read, and never executed."""

import io
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import CheckpointIO
from typing_extensions import override

from src.experiment.run import shown
from src.experiment.whole_file import write_whole

_PARTS = {
    *("config", "provenance", "loops", "global_step", "pytorch-lightning_version"),
    *("state_dict", "optimizer_states", "lr_schedulers", "callbacks", "epoch_metrics", "metrics"),
}


class WholeCheckpointIO(CheckpointIO):
    """Read and write the checkpoints of a Trainer as this module does."""

    @override
    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        write_whole(Path(path), packed(checkpoint))

    @override
    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        return read_checkpoint(path)

    @override
    def remove_checkpoint(self, path: str | Path) -> None:
        Path(path).unlink(missing_ok=True)


def packed(content: Any) -> memoryview:
    """Serialise as `torch.save` does, in memory: a full disk then fails with its own words.

    Args:
        content: Tensors and plain values.

    Returns:
        Content of a file that `torch.load` reads.
    """
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getbuffer()


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint that a run wrote, after comparing it with its own check sums.

    Args:
        path: File to read.

    Returns:
        Its content, on the CPU.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is an address, damaged, holds more than data, or is not from a run of this
            project.
    """
    content = load_plain(path)
    if isinstance(content, dict) and content.keys() >= _PARTS:
        return content
    if isinstance(content, dict) and content and all(map(torch.is_tensor, content.values())):
        raise ValueError(
            f"{shown(Path(path))} holds weights only, not the configuration of a run: give a "
            ".ckpt, or begin a new run from it with --weights"
        )
    raise ValueError(
        f"{shown(Path(path))} was not written by this command, it holds no configuration: give "
        "another one, or begin a new run from its weights with --weights"
    )


def load_plain(path: str | Path) -> Any:
    """Read tensors and plain values from a file of torch's; nothing in it is executed.

    Args:
        path: File to read.

    Returns:
        Its content, on the CPU.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is an address, is damaged, or holds more than data.
    """
    if "://" in str(path):
        raise ValueError(f"{path} is an address: download the file and give its path")
    path = Path(path)
    if not path.is_file():
        found = ", ".join(shown(file) for file in sorted(path.parent.glob("*.[cp]*t"))) or "none"
        raise FileNotFoundError(f"there is no checkpoint {shown(path)}; in its folder: {found}")
    if damage := _damage(path):
        raise ValueError(f"{shown(path)} is not a whole checkpoint: {damage}{_other_one(path)}")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{shown(path)} holds more than tensors and plain values; nothing of it was executed"
        ) from error
    except Exception as error:
        raise ValueError(
            f"{shown(path)} is not a checkpoint of torch ({type(error).__name__}){_other_one(path)}"
        ) from error


def newest_checkpoint(folder: Path) -> tuple[Path, list[str]]:
    """Find the latest whole state in a run's folder, by what is in the files and not their dates.

    It is the one with most steps of the session that began last.

    Args:
        folder: Folder of checkpoints.

    Returns:
        The file, and a sentence for each one that had to be passed over.

    Raises:
        FileNotFoundError: There is none.
    """
    order, skipped = {}, []
    for path in sorted(folder.glob("*.ckpt")):
        try:
            content = read_checkpoint(path)
            began = content["provenance"][-1]["began"]
            order[path] = began, content["global_step"], path.stem == "last"
        except (OSError, ValueError) as error:
            skipped.append(str(error))
    if not order:
        raise FileNotFoundError("; ".join([f"{shown(folder)} holds no whole checkpoint", *skipped]))
    return max(order, key=lambda path: order[path]), skipped


def unsafe_entries(content: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Name what could not be read back from a checkpoint without executing code.

    Args:
        content: What shall be saved.
        name: Its name; the names of its parts follow, after dots.

    Yields:
        Name and type of each innermost part that is neither a tensor nor a plain value.
    """
    try:
        torch.load(io.BytesIO(packed(content)), weights_only=True)
    except Exception:
        found = []
        if isinstance(content, dict | list | tuple):
            parts = content.items() if isinstance(content, dict) else enumerate(content)
            found = [
                entry for key, part in parts for entry in unsafe_entries(part, f"{name}.{key}")
            ]
        yield from found or [(name.strip("."), type(content).__name__)]


def _damage(path: Path) -> str:
    if path.stat().st_size == 0:
        return "it is empty"
    if not zipfile.is_zipfile(path):
        return "its end is missing, or it never was one"
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except Exception as error:  # zipfile has many, such as NotImplementedError
        return f"{type(error).__name__}: {error}"
    return f"{broken} does not match its check sum" if broken else ""


def _other_one(path: Path) -> str:
    """Point to a sound file beside a broken one; an explicit path never falls back by itself."""
    sound = [file for file in sorted(path.parent.glob("*.ckpt")) if file != path and _sound(file)]
    return f"; beside it, {' and '.join(map(shown, sound))} can be read" if sound else ""


def _sound(path: Path) -> bool:
    try:
        return not _damage(path) and bool(torch.load(path, weights_only=True))
    except Exception:
        return False
