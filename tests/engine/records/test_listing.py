import re
from pathlib import Path

import pytest

from src.engine.records.listing import damaged, facts, table
from tests.engine.records.test_run_record import record_of

ROW = {
    "run": "version_3",
    "status": "interrupted",
    "metric": "val/acc",
    "mode": "max",
    "val": 0.98765,
    "test": None,
    "fit_s": 12.34,
    "to_target_s": None,
    "seed": 7,
    "commit": "0123456789",
    "uncommitted": True,
    "group": "",
    "began": "2026-01-02T03:04:05+00:00",
    "step": 50,
    "steps": 200,
    "changed": {"model.optimizer.lr": 0.01, "data": "src.data.Other"},
}

KNOWN = {"headline": "val/acc", "metrics": {"val/acc": {"mode": "max", "format": "percent"}}}


def test_line_tells_what_became_of_a_run() -> None:
    head, line = table([ROW]).splitlines()
    assert line.split() == [
        *["version_3", "interrupted", "25%", "0.9877", "12.3", "7", "0123456+"],
        *["2026-01-02", "03:04", "lr=0.01", "data=Other"],
    ]
    assert "test" not in head  # no run fills it


@pytest.mark.parametrize(
    ("status", "steps", "shown"),
    [
        ("running", 200, "running 25%"),
        ("running", None, "running"),
        ("failed", 200, "failed"),
    ],
)
def test_only_what_goes_on_has_a_share(status: str, steps: int | None, shown: str) -> None:
    text = table([ROW | {"status": status, "steps": steps, "seed": None, "uncommitted": False}])
    assert text.splitlines()[1].startswith(f"version_3  {shown}  ")
    assert "0123456  2026" in text


def test_columns_are_aligned_and_there_if_one_run_fills_them() -> None:
    lines = table([ROW, ROW | {"run": "version_10", "test": 0.5, "commit": ""}]).splitlines()
    assert lines[0].startswith("run         status           val/acc  test/acc  seconds")
    assert lines[1].startswith("version_3   interrupted 25%  0.9877             12.3")
    assert lines[2].startswith("version_10  interrupted 25%  0.9877   0.5000    12.3")


def test_facts_of_an_unfinished_run_are_those_of_its_progress(tmp_path: Path) -> None:
    seen = [{"val/acc": 0.9}, {"val/acc": 0.8}]
    progress = {"step": 5, "steps": 20, "seconds": 3.5, "validations": seen}
    found = facts(record_of(tmp_path, progress=progress, run=KNOWN | {"seed": 3, "group": None}))
    told = {"run": "version_0", "status": "interrupted", "val": 0.9, "fit_s": 3.5, "seed": 3}
    told |= {"metric": "val/acc", "mode": "max"}
    told |= {"step": 5, "steps": 20, "uncommitted": False, "changed": None}
    nothing = dict.fromkeys(("commit", "group", "began"), "")
    assert found == told | nothing | dict.fromkeys(("test", "to_target_s"))


def test_facts_of_a_finished_run_are_its_figures(tmp_path: Path) -> None:
    metrics = {"fit_s": 9.0, "steps": 20, "test/acc": 0.7, "to_target_s": 4.0, "val/acc_best": 0.8}
    run = {"commit": "0123", "uncommitted": True, "group": "g", "began": "2026", "changed": {}}
    found = facts(record_of(tmp_path, metrics=metrics, run=KNOWN | run, progress={"seconds": 1.0}))
    assert found == run | {
        **{"run": "version_0", "status": "finished", "val": 0.8, "test": 0.7},
        **{"metric": "val/acc", "mode": "max"},
        **{"fit_s": 9.0, "to_target_s": 4.0, "seed": None, "step": 20, "steps": None},
    }


def test_names_that_two_settings_share_are_whole() -> None:
    text = table([ROW | {"changed": {"a.lr": 1, "b.lr": 2, "c": "x" * 99}}])
    assert "a.lr=1 b.lr=2" in text
    assert f"c={'x' * 57}..." in text
    assert f"c={'x' * 60}" in table([ROW | {"changed": {"c": "x" * 60}}])


def test_run_whose_differences_are_not_known_says_so() -> None:
    assert table([ROW | {"changed": None}]).endswith("?")


def test_cells_are_written_whole() -> None:
    row = ROW | {"test": 0.12345, "to_target_s": 4.56, "group": "g", "changed": {"a": [1, 2]}}
    head, line = table([row]).splitlines()
    heads = "run status val/acc test/acc seconds to_target seed commit began group "
    heads += "differs_from_the_default"
    assert (
        head.replace("to target", "to_target")
        .replace("differs ", "differs_")
        .replace("from the ", "from_the_")
        .split()
        == heads.split()
    )
    cells = ["version_3", "interrupted 25%", "0.9877", "0.1235", "12.3", "4.6", "7", "0123456+"]
    assert re.split(r"  +", line) == [*cells, "2026-01-02 03:04", "g", "a=[1,2]"]


def test_share_is_rounded_down() -> None:
    text = table([ROW | {"step": 199}])
    assert "interrupted 99%" in text


def test_cell_is_not_wider_than_a_thousand() -> None:
    row = ROW | {"group": "g" * 1001}
    assert f"  {'g' * 1000}  " in table([row])
    assert "a=Other" in table([ROW | {"changed": {"a": "src.b.Other"}}])
    assert "a=b.Other" in table([ROW | {"changed": {"a": "b.Other"}}])
    assert f"a={'x' * 57}..." in table([ROW | {"changed": {"a": "x" * 61}}])


def test_lines_end_with_their_last_cell() -> None:
    rows = [ROW | {"changed": {}}, ROW | {"changed": {"a": 1}}]
    assert all(line == line.rstrip() for line in table(rows).splitlines())


def test_rows_of_several_metrics_name_their_own() -> None:
    other = ROW | {"run": "version_4", "metric": "val_rmse", "mode": "min", "val": 12.5, "test": 9}
    none = ROW | {"run": "version_5", "metric": None, "mode": None, "val": None}
    lines = table([ROW, other, none]).splitlines()
    assert [re.split(r"  +", line)[2:5] for line in lines[:3]] == [
        ["metric", "val", "test"],
        ["val/acc", "0.9877", "12.3"],
        ["val_rmse", "12.5000", "9.0000"],
    ]
    assert re.split(r"  +", lines[3])[:3] == ["version_5", "interrupted 25%", "12.3"]


def test_columns_are_headed_by_the_one_metric_of_all_rows() -> None:
    none = ROW | {"metric": None, "mode": None, "val": None}
    head = table([ROW | {"metric": "valid_loss", "test": 0.5}, none]).splitlines()[0]
    assert re.split(r"  +", head)[2:4] == ["valid_loss", "test_loss"]
    head = table([ROW | {"metric": "rmse", "test": 0.5}]).splitlines()[0]
    assert re.split(r"  +", head)[2:4] == ["rmse", "test"]
    assert "val" not in table([none]).splitlines()[0]


def test_damaged_run_has_the_columns_of_the_others(tmp_path: Path) -> None:
    row = damaged(record_of(tmp_path / "a", metrics=[]))
    assert row.keys() == facts(record_of(tmp_path / "b", run=KNOWN)).keys()
    assert table([row]).splitlines()[1].split() == ["version_0", "damaged", "?"]
