import json
from pathlib import Path

import pytest

from src.engine.records.ledger import add_look
from src.engine.records.looks import Looks
from tests.engine.jobs.test_samples import make_run


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_tests_that_a_deleted_ledger_lacks_are_told(tmp_path: Path) -> None:
    for version in range(3):
        figures = {"steps": 1, "test_s": 1.0} if version else {"steps": 1}
        (make_run(version, version, "g") / "metrics.json").write_text(json.dumps(figures))
    (make_run(3, 3) / "metrics.json").write_text("null")
    add_look(tmp_path, {"run": "version_1", "config": "a", "network": 1})
    counts = "1 look at 1 network of 1 configuration here"
    lacking = "; tested, but not in the ledger, which was deleted or cut: version_"
    assert Looks([tmp_path, tmp_path]).text() == f"{counts}{lacking}2"
    add_look(tmp_path, {"run": "version_2", "config": "a", "network": 1})
    assert Looks([tmp_path]).text("a").endswith(", 2 of this configuration")
    (tmp_path / "lightning_logs" / "test_looks.jsonl").unlink()
    assert Looks([tmp_path]).text().endswith(f"{lacking}1, version_2")


def test_of_many_tests_that_a_ledger_lacks_the_first_ones_are_named(tmp_path: Path) -> None:
    for version in range(5):
        (make_run(version, version) / "metrics.json").write_text('{"steps": 1, "test_s": 1.0}')
    told = Looks([tmp_path]).text().partition("or cut: ")[2]
    assert told == "version_0, version_1, version_2, ... (5 runs)"
