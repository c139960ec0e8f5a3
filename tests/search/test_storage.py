import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from optuna.storages import JournalStorage, RDBStorage
from sqlalchemy.exc import IntegrityError

from src.search.storage import open_storage


def test_journal_is_taken_where_there_is_no_database(tmp_path: Path) -> None:
    assert isinstance(open_storage(None, tmp_path / "journal"), JournalStorage)
    assert isinstance(open_storage(f"sqlite:///{tmp_path}/db", tmp_path / "journal"), RDBStorage)


@pytest.mark.parametrize("address", ["postgresql+psycopg://me@127.0.0.1:1/x", "nothing://x", "x"])
def test_database_that_cannot_be_reached_is_one_sentence(address: str, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"^the storage  cannot be used \(.+\); an address"
    ) as error:
        open_storage(address, tmp_path / "journal")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


def test_file_that_is_none_is_refused(tmp_path: Path) -> None:
    said = re.escape(
        f"the storage {tmp_path} cannot be used (it is no file); an address is such as"
    )
    with pytest.raises(ValueError, match=f"^{said}"):
        open_storage(None, tmp_path)


def test_lock_of_a_killed_process_and_a_cut_line_are_removed(tmp_path: Path, monkeypatch) -> None:
    journal = tmp_path / "journal"
    (tmp_path / "journal.lock").symlink_to("nowhere")
    monkeypatch.setattr("src.search.storage.JournalStorage", lambda backend: backend)
    for content, left in ((b'{"a": 1}\n{"b', b'{"a": 1}\n'), (b"cut", b""), (b"", b"")):
        journal.write_bytes(content)
        open_storage(None, journal)
        assert journal.read_bytes() == left
        assert not (tmp_path / "journal.lock").is_symlink()


@pytest.mark.parametrize("password", ["hunter2X", "hunter%402X"])
def test_password_is_in_no_error(password: str, tmp_path: Path, monkeypatch) -> None:
    def fail(address: str, **_) -> None:
        raise OSError(f"{address} {unquote(password)}")

    monkeypatch.setattr("src.search.storage.RDBStorage", fail)
    with pytest.raises(ValueError, match="cannot be used") as error:
        open_storage(f"postgresql://me:{password}@host/db", tmp_path / "journal")
    assert "(postgresql://me:***@host/db ***);" in str(error.value)


@pytest.mark.parametrize("failures", [0, 3, 5, 6])
def test_database_whose_tables_another_machine_makes_is_waited_for(
    failures: int, tmp_path: Path, monkeypatch
) -> None:
    asked, waited = [], []

    def connect(address: str, **options: int) -> str:
        asked.append((address, options))
        if len(asked) <= failures:
            raise IntegrityError("made", None, Exception())
        return "storage"

    monkeypatch.setattr("src.search.storage.RDBStorage", connect)
    monkeypatch.setattr("src.search.storage.time.sleep", waited.append)
    if failures > 5:
        with pytest.raises(ValueError, match="cannot be used"):
            open_storage("db", tmp_path / "journal")
    else:
        assert open_storage("db", tmp_path / "journal") == "storage"
    beats = {"heartbeat_interval": 30, "grace_period": 120}
    assert asked == [("db", beats)] * (min(failures, 5) + 1)
    assert waited == [1] * min(failures, 5)
