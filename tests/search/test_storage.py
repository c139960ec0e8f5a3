from pathlib import Path

import pytest
from optuna.storages import JournalStorage, RDBStorage

from src.search.storage import open_storage


def test_journal_is_taken_where_there_is_no_database(tmp_path: Path) -> None:
    assert isinstance(open_storage(None, tmp_path / "journal"), JournalStorage)
    assert isinstance(open_storage(f"sqlite:///{tmp_path}/db", tmp_path / "journal"), RDBStorage)


@pytest.mark.parametrize("address", ["postgresql+psycopg://me@127.0.0.1:1/x", "nothing://x", "x"])
def test_database_that_cannot_be_reached_is_one_sentence(address: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be used") as error:
        open_storage(address, tmp_path / "journal")
    assert "\n" not in str(error.value)
