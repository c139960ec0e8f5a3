import csv
import io
from pathlib import Path

from optuna.distributions import CategoricalDistribution, FloatDistribution

from src.search.results import best_trial, importances, pictures, table, trials_csv
from src.search.search import Search
from src.search.sweep_file import Sweep

SPACE = {"model.x": FloatDistribution(-1, 1), "model.kind": CategoricalDistribution(["a", "b"])}


def search_of(tmp_path: Path, count: int) -> Search:
    search = Search("s", Sweep(SPACE, trials=count + 2), tmp_path / "journal", "here")
    for _ in range(count):
        number, settings = search.ask()
        search.note_run(number, f"version_{number}")
        search.tell(number, "complete", 1 - abs(settings["model.x"]))
    search.tell(search.ask()[0], "failed")
    search.ask()
    return search


def test_table_ranks_trials(tmp_path: Path) -> None:
    search = search_of(tmp_path, 12)
    lines = table(search).splitlines()
    assert lines[0] == "trials         14: 12 complete, 1 failed, 1 running"
    assert lines[1].split() == ["trial", "val/acc", "run", "x", "kind"]
    values = [float(line.split()[1]) for line in lines[2:12]]
    assert values == sorted(values, reverse=True)
    best = best_trial(search)
    assert lines[2].startswith(f"{best.number} ")
    assert lines[-1].startswith("importance     model.x ")


def test_importance_is_what_the_result_depends_on(tmp_path: Path) -> None:
    shares = importances(search_of(tmp_path, 20))
    assert shares["model.x"] > 0.6
    assert abs(sum(shares.values()) - 1) < 1e-6


def test_all_trials_are_in_the_file(tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(trials_csv(search_of(tmp_path, 3)).decode())))
    assert [row["state"] for row in rows] == ["complete"] * 3 + ["failed", "running"]
    assert all(-1 <= float(row["model.x"]) <= 1 for row in rows)


def test_pictures_are_drawn_from_two_trials_on(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    assert pictures(search_of(tmp_path / "a", 1)) == {}
    files = pictures(search_of(tmp_path / "b", 4))
    assert files.keys() == {"importance.png", "parallel_coordinates.png"}
    assert all(content.startswith(b"\x89PNG") for content in files.values())


def test_nothing_complete_has_no_best_trial(tmp_path: Path) -> None:
    search = search_of(tmp_path, 0)
    assert best_trial(search) is None
    assert "importance     too few trials" in table(search)
