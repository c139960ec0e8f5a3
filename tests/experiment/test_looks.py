import pytest

from src.experiment.looks import add_look, config_digest, counted, looks


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
    with pytest.raises(OSError, match="cannot be written down"):
        add_look(tmp_path, {})
