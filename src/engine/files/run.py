"""The two folders of a run, which share a number."""

import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from src.engine.console.launcher import module_command
from src.engine.console.shown import shown
from src.engine.files.atomic_write import write_atomic
from src.engine.files.lock import hold
from src.engine.files.reading import read_json
from src.engine.files.shape import METRICS

LOGS = "lightning_logs"
CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class Run:
    """A training: records in `lightning_logs/version_N`, states in `checkpoints/version_N`.

    Attributes:
        root: Folder that holds both.
        version: Number N.
    """

    root: Path
    version: int

    @classmethod
    def new(cls, root: Path) -> "Run":
        """Claim the lowest number above all used ones; safe against other runs that start now.

        Args:
            root: Folder that holds, or shall hold, both folders.

        Returns:
            The run; its folders exist and are empty.

        Raises:
            OSError: The folders cannot be made.
        """
        used = [*cls.all(root, LOGS), *cls.all(root)]
        version = max((run.version for run in used), default=-1) + 1
        while not (run := cls(root, version))._claim():
            version += 1
        return run

    @classmethod
    def all(cls, root: Path, parent: str = CHECKPOINTS) -> list["Run"]:
        """List the runs in a folder.

        Args:
            root: Folder of the runs.
            parent: Which of their folders is looked for.

        Returns:
            Each run that has such a folder, from the first to the latest.
        """
        runs = [cls.of_folder(folder) for folder in (root / parent).glob("version_*")]
        return sorted((run for run in runs if run), key=lambda run: run.version)

    @classmethod
    def of_folder(cls, folder: Path) -> "Run | None":
        """Find the run of a folder by its path: a link may lead to another one; None if none."""
        folder = Path(os.path.normpath(folder.absolute()))
        match = re.fullmatch(r"version_(0|[1-9][0-9]*)", folder.name)
        if match is None or folder.parent.name not in (LOGS, CHECKPOINTS):
            return None
        return cls(folder.parent.parent.resolve(), int(match[1]))

    @classmethod
    def of_checkpoint(cls, path: Path) -> "Run | None":
        """Find the run that a file belongs to, by where it is; None if it is in none."""
        return cls.of_folder(path.absolute().parent)

    @property
    def log_dir(self) -> Path:
        """Folder of TensorBoard events, configuration, metrics and pictures."""
        return self.root / LOGS / f"version_{self.version}"

    @property
    def checkpoint_dir(self) -> Path:
        """Folder of the best and last checkpoint and of the exported weights."""
        return self.root / CHECKPOINTS / f"version_{self.version}"

    @property
    def has_state(self) -> bool:
        """Whether it has a checkpoint, and can continue."""
        return any(self.checkpoint_dir.glob("*.ckpt"))

    @property
    def resume_command(self) -> str:
        """Command that continues the run from its last state, with the launcher of this process."""
        return f"{module_command('src.train')} --ckpt_path {shown(self.checkpoint_dir)}"

    def finished_step(self, tested: bool) -> int:
        """Tell at which optimizer step it has finished.

        Args:
            tested: Whether a test belongs to it.

        Returns:
            The step; -1 if it has not.
        """
        metrics = read_json(self.log_dir / "metrics.json", METRICS) or {}
        return int(metrics.get("steps", -1)) if "test_s" in metrics or not tested else -1

    def refuse_read_only(self) -> None:
        """Say so when the run cannot continue in its folders.

        Raises:
            PermissionError: One of them is there and cannot be written.
        """
        for folder in (self.log_dir, self.checkpoint_dir):
            if folder.exists() and not os.access(folder, os.W_OK):
                raise PermissionError(
                    f"the run cannot continue: {shown(folder)} is not writable; change its "
                    "permissions, or copy the checkpoint elsewhere to begin a new run"
                )

    def hold(self) -> None:
        """Keep the run for this process, as long as it lives, and remove what one before left.

        Raises:
            OSError: Another process is continuing it.
        """
        if not hold(self.checkpoint_dir):
            raise OSError(
                f"{shown(self.checkpoint_dir)} is already being trained by another process: wait "
                "until it has ended"
            )
        for folder in (self.log_dir, self.checkpoint_dir):
            for part in folder.glob("*.part"):  # of a process that was killed: no other writes here
                with suppress(OSError):
                    part.unlink()

    def discard_if_empty(self) -> None:
        """Give the number back if nothing was written."""
        for folder in (self.log_dir, self.checkpoint_dir):
            with suppress(OSError):  # there is something in it
                folder.rmdir()
                folder.parent.rmdir()

    def discard(self) -> None:
        """Remove its folders, whatever is in them."""
        for folder in (self.log_dir, self.checkpoint_dir):
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):  # it has other runs
                folder.parent.rmdir()

    def keep_traceback(self, text: str) -> Path | None:
        """Write a traceback to a file; None if it cannot be written, such as to a full disk."""
        file = self.log_dir / "traceback.txt"
        try:
            write_atomic(file, text.encode())
        except OSError:
            return None
        return file

    def _claim(self) -> bool:
        try:
            self.log_dir.mkdir(parents=True)
            self.checkpoint_dir.mkdir(parents=True)
        except OSError as error:
            if isinstance(error, FileExistsError) and self.log_dir.is_dir():
                return False
            self.discard_if_empty()
            raise OSError(
                f"the folders of the run cannot be made ({error}): give a writable folder, "
                "--trainer.default_root_dir FOLDER"
            ) from error
        return True
