from src.experiment.run_table import table

ROW = {
    "run": "version_3",
    "status": "interrupted",
    "val/acc": 0.98765,
    "test/acc": None,
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


def test_line_tells_what_became_of_a_run() -> None:
    head, line = table([ROW]).splitlines()
    assert line.split() == [
        *["version_3", "interrupted", "25%", "0.9877", "12.3", "7", "0123456+"],
        *["2026-01-02", "03:04", "lr=0.01", "data=Other"],
    ]
    assert "test" not in head  # no run fills it


def test_names_that_two_settings_share_are_whole() -> None:
    text = table([ROW | {"changed": {"a.lr": 1, "b.lr": 2, "c": "x" * 99}}])
    assert "a.lr=1 b.lr=2" in text
    assert f"c={'x' * 57}..." in text


def test_run_whose_differences_are_not_known_says_so() -> None:
    assert table([ROW | {"changed": None}]).endswith("?")
