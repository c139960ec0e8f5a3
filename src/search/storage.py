"""Where a search is kept: a journal on one machine, a database for several."""

import os
import time
import warnings
from pathlib import Path
from urllib.parse import unquote

from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.exc import IntegrityError, ProgrammingError

BEAT_S, _GRACE_S = 30, 120  # a machine that is silent for longer has lost its trials
_TRIES = 5


def open_storage(address: str | None, file: Path) -> BaseStorage:
    """Open what keeps a search.

    Args:
        address: Address of a database, or None.
        file: Journal that is taken where there is none; this process is the only one at it.

    Returns:
        The storage.

    Raises:
        ValueError: It cannot be used.
    """
    try:
        if address is not None:
            return _database(address)
        if file.exists() and not file.is_file():
            raise ValueError("it is no file")
        if file.is_file():  # a line that a full disk has cut would spoil the next one
            content = file.read_bytes()
            os.truncate(file, content.rfind(b"\n") + 1)
        # Left by a killed process; if it points nowhere, Optuna would wait for ever.
        Path(f"{file}.lock").unlink(missing_ok=True)
        return JournalStorage(JournalFileBackend(str(file)))
    except Exception as error:  # each database has its own
        reason = " ".join(_without_password(str(error), address or "").split())[:300]
        raise ValueError(
            f"the storage {'' if address else file} cannot be used ({reason}); an address is such "
            "as postgresql+psycopg://USER@HOST/DATABASE, its password best in a ~/.pgpass"
        ) from error


def _without_password(text: str, address: str) -> str:
    """Take the password of an address out of a text, of which only the beginning is shown."""
    access = address.partition("://")[2].rpartition("@")[0]
    password = access.partition(":")[2]
    for part in {password, unquote(password), *password.split("@")} - {""}:
        text = text.replace(part, "***")
    return text


def _database(address: str) -> RDBStorage:
    warnings.filterwarnings("ignore", category=ExperimentalWarning)
    warnings.filterwarnings("ignore", "Heartbeat of storage is supposed to be used")  # or told here
    for _ in range(_TRIES):
        try:
            return RDBStorage(address, heartbeat_interval=BEAT_S, grace_period=_GRACE_S)
        except (IntegrityError, ProgrammingError):  # another machine is making the tables, too
            time.sleep(1)
    return RDBStorage(address, heartbeat_interval=BEAT_S, grace_period=_GRACE_S)
