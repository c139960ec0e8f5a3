import hashlib
import json
import os
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from src.engine.records.ledger import (
    NOT_THE_CONFIGURATION,
    add_look,
    config_digest,
    counted,
    looks,
    refuse_unwritable,
    run_digest,
)


def test_looks_are_kept_in_their_order(tmp_path) -> None:
    assert looks(tmp_path) == []
    for number in range(3):
        add_look(tmp_path, {"config": "a", "network": number // 2, "accuracy": number})
    found = looks(tmp_path)
    assert [look["accuracy"] for look in found] == [0, 1, 2]
    assert all(look["when"] for look in found)


def test_count_tells_networks_and_configurations_apart() -> None:
    found = [{"config": c, "network": n} for c, n in [("a", 1), ("a", 1), ("a", 2), ("b", 3)]]
    assert counted(found) == "4 looks at 3 networks of 2 configurations here"
    assert counted(found, "b").endswith(", 1 of this configuration")


def test_cut_line_is_left_out(tmp_path) -> None:
    add_look(tmp_path, {"config": "a", "network": 1})
    path = tmp_path / "lightning_logs" / "test_looks.jsonl"
    path.write_text(path.read_text() + '{"when": "2026')
    assert len(looks(tmp_path)) == 1
    add_look(tmp_path, {"config": "a", "network": 2})  # begins a line of its own
    assert len(looks(tmp_path)) == 2


def test_place_of_files_and_seed_make_no_other_configuration() -> None:
    first = {"seed_everything": 1, "data.data_dir": "x", "model.optimizer.lr": 0.1}
    assert config_digest(first) == config_digest(
        first | {"seed_everything": 2, "data.data_dir": "y"}
    )
    assert config_digest(first) != config_digest(first | {"model.optimizer.lr": 0.2})
    assert config_digest(first) == config_digest(first | {"a.newer.option": None})


def test_ledger_that_cannot_be_written_is_an_error(tmp_path) -> None:
    (tmp_path / "lightning_logs" / "test_looks.jsonl").mkdir(parents=True)
    for refuse in (add_look, lambda root, _: refuse_unwritable(root)):
        with pytest.raises(OSError, match="cannot be written down"):
            refuse(tmp_path, {})


def test_look_that_is_not_taken_leaves_no_ledger(tmp_path) -> None:
    refuse_unwritable(tmp_path)
    assert not [*(tmp_path / "lightning_logs").iterdir()]


def test_each_setting_that_is_no_part_of_the_configuration_is_left_out() -> None:
    places = "seed_everything test data.data_dir data.num_workers data.eval_batch_size"
    places += " data.memory_mib data.disk_mib"
    shown = "default_root_dir enable_progress_bar enable_model_summary logger"
    known = {*places.split(), *(f"trainer.{name}" for name in shown.split())}
    assert known == NOT_THE_CONFIGURATION
    bare = config_digest({"a": 1})
    assert config_digest({"a": 1, "b": "", **dict.fromkeys(known, 5)}) == bare
    assert config_digest({"a": 1, "b": 0}) != bare
    text = json.dumps({"a": 1, "b": "x/y"})
    settings = {"b": Path("x/y"), "a": 1}
    assert config_digest(settings) == hashlib.sha256(text.encode()).hexdigest()[:12]


@pytest.mark.parametrize(
    ("found", "config", "text"),
    [
        ([], None, "0 looks at 0 networks of 0 configurations here"),
        (
            [{"config": "a", "network": "n"}],
            "a",
            "1 look at 1 network of 1 configuration here, 1 of this configuration",
        ),
        (
            [{"config": None, "network": None}] * 1000,
            "",
            "1,000 looks at 1 network of 1 configuration here, 0 of this configuration",
        ),
    ],
)
def test_looks_are_counted_in_a_sentence(found: list, config: str | None, text: str) -> None:
    assert counted(found, config) == text


def test_ledger_is_written_through_no_link_and_to_the_disk(tmp_path, monkeypatch) -> None:
    synced = []
    monkeypatch.setattr("src.engine.records.ledger.os.fsync", synced.append)
    add_look(tmp_path, {"network": 1})
    assert len(synced) == 1
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(synced[0])  # which is closed
    ledger = tmp_path / "lightning_logs" / "test_looks.jsonl"
    assert json.loads(ledger.read_text()) == looks(tmp_path)[0]
    when = datetime.fromisoformat(looks(tmp_path)[0]["when"])
    assert (when.microsecond, when.utcoffset()) == (0, timedelta(0))
    ledger.rename(tmp_path / "elsewhere")
    ledger.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"test_looks\.jsonl \(Too many levels of symbolic links\): "):
        add_look(tmp_path, {})


def test_full_disk_is_told(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("src.engine.records.ledger.os.write", lambda _, text: len(text) - 1)
    with pytest.raises(OSError, match=r"test_looks\.jsonl cannot be written: the disk is full"):
        add_look(tmp_path, {})


def test_lines_that_are_no_looks_are_named_and_left_out(tmp_path, capsys) -> None:
    (tmp_path / "lightning_logs").mkdir()
    lines = ["null", "word", "", "3", '{"network": 1}', "[" * 100_000]
    lines += ['{"network": []}', '{"network": 2}']
    (tmp_path / "lightning_logs" / "test_looks.jsonl").write_text("\n".join(lines))
    assert [look["network"] for look in looks(tmp_path)] == [1, 2]
    said = capsys.readouterr().err.splitlines()
    assert [re.search(r"test_looks.jsonl, line (\d), is damaged", line)[1] for line in said] == [
        *"12467"
    ]


@pytest.mark.parametrize("place", ["data.root", "data.file"])
def test_configuration_is_the_same_wherever_data_with_check_sums_are(place: str) -> None:
    inputs = {"weights": "w", "data train": "20 abc"}
    here, there = ({"a": 1, place: root} for root in ("here", "there"))
    assert run_digest(here, inputs) == run_digest(there, inputs)
    assert run_digest(here, inputs) != run_digest(here, inputs | {"data train": "21 abd"})
    assert run_digest(here, {}) != run_digest(there, {})
    assert run_digest({"a": 1}, inputs) == config_digest({"a": 1, "weights": "w"})
