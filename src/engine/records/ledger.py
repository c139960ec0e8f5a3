"""The ledger of looks at the test set: how many of them a claim rests on."""

import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from src.engine.console.note import note
from src.engine.console.shown import shown
from src.engine.files.run import LOGS
from src.engine.files.shape import LOOK, misfit
from src.engine.records.config_file import DATA_PLACES, READING

_FILE = "test_looks.jsonl"
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # Windows has none
# Settings that say which run it is, where its files are and what it shows, not what is trained.
NOT_THE_CONFIGURATION = frozenset(
    {
        "seed_everything",
        "test",
        *READING,
        "trainer.default_root_dir",
        "trainer.enable_progress_bar",
        "trainer.enable_model_summary",
        "trainer.logger",
    }
)


def add_look(root: Path, look: dict[str, Any]) -> None:
    """Append an evaluation on the test set to the ledger of a folder.

    Args:
        root: Folder of the runs.
        look: What was looked at and what was seen, in plain types; `config` and `network` tell
            configurations and networks apart.

    Raises:
        OSError: It cannot be written down.
    """
    path = root / LOGS / _FILE
    when = datetime.now(UTC).isoformat(timespec="seconds")
    line = json.dumps({"when": when, **look}) + "\n"
    file = _open(path, path)
    try:
        end = os.lseek(file, 0, os.SEEK_END)
        cut = end and path.read_bytes()[-1:] != b"\n"  # by a full disk
        text = b"\n" * bool(cut) + line.encode()
        if os.write(file, text) < len(text):  # in one call: lines of processes do not mix
            raise OSError(f"{shown(path)} cannot be written: the disk is full")
        os.fsync(file)
    finally:
        os.close(file)


def refuse_unwritable(root: Path) -> None:
    """Refuse a test whose look could not be written down, before anything is seen.

    Args:
        root: Folder of the runs.

    Raises:
        OSError: The ledger cannot be written.
    """
    path = root / LOGS / _FILE
    new = not os.path.lexists(path)  # then try its folder, and leave no empty ledger behind
    probe = path.with_name(f"{_FILE}.{os.getpid()}") if new else path
    os.close(_open(probe, path))
    if new:
        probe.unlink()


def looks(root: Path) -> list[dict[str, Any]]:
    """Read the ledger of a folder.

    Args:
        root: Folder of the runs.

    Returns:
        All looks, the first one first; a line that is not one is named and left out.
    """
    path = root / LOGS / _FILE
    if not path.is_file():
        return []
    found = []
    for number, line in enumerate(path.read_text(errors="replace").split("\n"), start=1):
        try:
            look: Any = json.loads(line) if line else None
        except (ValueError, RecursionError):
            look = None
        if not misfit(look, LOOK):
            found.append(look)
        elif line:
            note(f"{shown(path)}, line {number}, is damaged: it is no look and is left out")
    return found


def counted(found: list[dict[str, Any]], config: str | None = None) -> str:
    """Say how many looks there were.

    Args:
        found: Looks.
        config: Digest of a configuration, for a sentence that also names its own looks.

    Returns:
        A sentence without its end.
    """
    networks = len({look.get("network") for look in found})
    configs = len({look.get("config") for look in found})
    text = f"{_count(len(found), 'look')} at {_count(networks, 'network')}"
    text += f" of {_count(configs, 'configuration')} here"
    if config is not None:
        text += f", {sum(look.get('config') == config for look in found)} of this configuration"
    return text


def config_digest(settings: dict[str, Any]) -> str:
    """Identify a configuration, whatever the seed and wherever its files are.

    Args:
        settings: Settings of a run by name.

    Returns:
        The first twelve digits of a SHA-256.
    """
    kept = {
        name: value
        for name, value in settings.items()
        if value not in (None, "") and name not in NOT_THE_CONFIGURATION
    }
    text = json.dumps(kept, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def run_digest(settings: dict[str, Any], inputs: dict[str, str]) -> str:
    """Identify the configuration of a run, wherever data are whose check sums it has.

    Args:
        settings: Its settings by name.
        inputs: What decided its bits, as its first session has recorded it.

    Returns:
        Its digest.
    """
    own = settings | {"weights": inputs.get("weights", "")}
    data = {name: value for name, value in inputs.items() if name.startswith("data ")}
    places = {f"data.{place}" for place in DATA_PLACES} if data else set()
    return config_digest(own | dict.fromkeys(places & own.keys(), data))


def _open(path: Path, ledger: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NO_LINK, 0o666)
    except OSError as error:
        raise OSError(
            f"the look at the test set cannot be written down in {shown(ledger)} "
            f"({error.strerror}): make it a writable file; a result that no ledger counts is not "
            "to be trusted"
        ) from error


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"
