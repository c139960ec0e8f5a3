"""Runs that belong together: the seeds of a configuration, the trials of a sweep."""

import re
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from src.engine.console.masked import masked
from src.engine.console.note import note
from src.engine.console.shown import shown
from src.engine.files.atomic_write import write_atomic, write_json
from src.engine.files.links import refuse_links
from src.engine.files.lock import hold
from src.engine.files.reading import read_json
from src.engine.files.run import LOGS
from src.engine.records.config_file import differing
from src.engine.records.masked_settings import masked_settings
from src.engine.records.run_record import RunRecord

_FOLDER = "groups"
_PATIENCE_S = 15
_LONGEST = 100  # characters of values that a line tells


class Group:
    """A group of runs; each run's `run.json` names it, its folder has what they have in common.

    Args:
        root: Folder of the runs.
        name: Its name.

    Raises:
        ValueError: The name cannot be that of a folder.
    """

    def __init__(self, root: Path, name: str) -> None:
        if not _can_be_a_name(name):
            raise ValueError(
                f"--group {name}: a name has letters, digits, '.', '_', '+' and '-', and is not "
                "that of a run"
            )
        self.root = root
        self.name = name

    @classmethod
    def all(cls, root: Path) -> list["Group"]:
        """List the groups that a folder has runs of.

        Args:
            root: Folder of the runs.

        Returns:
            The groups by name.
        """
        names = {record.group for record in RunRecord.all(root)}
        return [cls(root, name) for name in sorted(filter(_can_be_a_name, names))]

    @property
    def folder(self) -> Path:
        """Folder of its logs, tables and pictures."""
        return self.root / LOGS / _FOLDER / self.name

    def log(self, name: str) -> Path:
        """Name the file of what one of its processes prints.

        Args:
            name: Name of the process.

        Returns:
            The file.
        """
        return self.folder / f"{name}.log"

    def masked_log(self, name: str) -> bytes:
        """Take out of a log what the libraries of a process that has ended printed of secrets.

        Args:
            name: Name of the process.

        Returns:
            What is left.
        """
        before = self.log(name).read_bytes()
        text = masked(before.decode(errors="surrogateescape"))
        after = text.encode(errors="surrogateescape")
        if after != before:
            write_atomic(self.log(name), after)
        return after

    def members(self) -> list[RunRecord]:
        """List its runs.

        Returns:
            The runs, from the first to the latest.
        """
        return [record for record in RunRecord.all(self.root) if record.group == self.name]

    def readable(self) -> list[RunRecord]:
        """List its runs without those that have a damaged file, which are named in a note.

        Returns:
            The runs, from the first to the latest.
        """
        found = []
        for record in RunRecord.all(self.root):
            try:
                mine = record.overview.get("group") == self.name
                _ = mine and (record.seed, record.settings, record.metrics, record.sessions)
            except (OSError, ValueError) as error:
                if record.group in (self.name, ""):  # which may be this one
                    note(f"{self.name}: {record.name} is left out: {error}")
            else:
                found += [record] * mine
        return found

    def claim(self, made_by: dict[str, Any]) -> None:
        """Keep the group for this process, which is to add runs to it.

        Args:
            made_by: What makes the runs of it, in plain types; must not change, but for secrets,
                which are not written down.

        Raises:
            ValueError: It was made by something else, or a link in its folder leads elsewhere.
            OSError: Another process is adding runs to it, or its folder cannot be made.
        """
        refuse_links(self.folder.parent)
        self.folder.mkdir(parents=True, exist_ok=True)
        if not hold(self.folder):
            raise OSError(f"group {self.name} is being worked on by another process")
        path = self.folder / "group.json"
        made_by, before = masked_settings(made_by), masked_settings(read_json(path, dict))
        if before is None:
            write_json(path, made_by)
            return
        for name, value in made_by.items():
            if not isinstance(before, dict) or before.get(name) != value:
                told = _change(before.get(name), value) if isinstance(before, dict) else ""
                raise ValueError(
                    f"group {self.name} was made with another {name} ({shown(path)}{told}): "
                    "give another --group"
                )

    def await_orphans(self) -> None:
        """Wait for runs whose driver was killed a moment ago: they save their states and end."""
        for _ in range(_PATIENCE_S):
            if not any(map(_is_running, self.members())):
                return
            time.sleep(1)

    def discard_if_empty(self) -> None:
        """Remove its folder if it has no run."""
        if not self.members():
            shutil.rmtree(self.folder, ignore_errors=True)


def _is_running(record: RunRecord) -> bool:
    with suppress(ValueError):  # one with damaged files has ended
        return record.status == "running"
    return False


def _change(before: Any, now: Any) -> str:
    """Name what differs between two sets of options, or two short values."""
    if isinstance(before, dict) and isinstance(now, dict):
        return "".join(
            f"; {name} was {_value(old)}, is {_value(new)}"
            for name, (old, new) in differing(before, now).items()
        )
    told = f"; was {_value(before)}, is {_value(now)}"
    return told if len(told) < _LONGEST else ""


def _value(value: Any) -> str:
    return "not set" if value in (None, []) else str(value)


def _can_be_a_name(name: str) -> bool:
    """Tell whether a group may be called so; a run's file may hold anything."""
    return bool(re.fullmatch(r"\w[\w.+-]*", name) and not re.fullmatch(r"version_\d+|last", name))
