import csv
import io
from pathlib import Path

from matplotlib import pyplot as plt
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from src.search.results import best_trial, importances, pictures, table, trials_csv
from src.search.search import Search
from src.search.sweep_file import Sweep

SPACE = {"model.x": FloatDistribution(-1, 1), "model.kind": CategoricalDistribution(["a", "b"])}


def search_of(tmp_path: Path, count: int) -> Search:
    search = Search(
        "s",
        Sweep(SPACE, trials=count + 2, metric="val/acc", mode="max"),
        tmp_path / "journal",
        "here",
    )
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
    assert len(lines) == 13  # the ten best ones
    ranked = sorted(search.trials(TrialState.COMPLETE), key=lambda trial: -trial.value)
    for line, trial in zip(lines[2:-1], ranked, strict=False):
        x, kind = trial.params["model.x"], trial.params["model.kind"]
        value, run = f"{trial.value:.4f}", f"version_{trial.number}"
        assert line.split() == [str(trial.number), value, run, f"{x:.4g}", kind]
    assert len({line.index("version_") for line in lines[2:-1]} | {lines[1].index("run")}) == 1
    shares = importances(search).items()
    assert lines[-1].split() == [
        "importance",
        *", ".join(f"{name} {share:.0%}" for name, share in shares).split(),
    ]
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
    assert list(rows[0]) == ["trial", "state", "val/acc", "run", "seconds", *SPACE]
    for number, row in enumerate(rows[:3]):
        assert (row["trial"], row["run"]) == (str(number), f"version_{number}")
        assert float(row["val/acc"]) == 1 - abs(float(row["model.x"]))
        assert 0 <= float(row["seconds"]) < 60
        assert row["model.kind"] in ("a", "b")
    assert [(row["run"], row["val/acc"]) for row in rows[3:]] == [("", "")] * 2
    assert rows[4]["seconds"] == ""


def test_loss_is_ranked_from_the_lowest(tmp_path: Path) -> None:
    sweep = Sweep(SPACE, trials=3, metric="val/loss", mode="min")
    search = Search("s", sweep, tmp_path / "journal", "here")
    for value in (0.3, 0.1, 0.2):
        search.tell(search.ask()[0], "complete", value)
    lines = table(search).splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        *[["trial", "val/loss"], ["1", "0.1000"], ["2", "0.2000"], ["0", "0.3000"]]
    ]


def test_trial_that_was_given_up_is_told(tmp_path: Path) -> None:
    search = search_of(tmp_path, 0)
    search.study.add_trial(create_trial(state=TrialState.PRUNED))
    assert table(search) == "trials         3: 1 failed, 1 given up, 1 running"


def test_pictures_are_drawn_from_two_trials_on(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).mkdir()
    one = search_of(tmp_path / "a", 1)
    assert (pictures(one), importances(one)) == ({}, {})
    style = plt.rcParams["axes.grid"], plt.rcParams["axes.facecolor"]
    assert pictures(search_of(tmp_path / "b", 4)).keys() == {"parallel_coordinates.png"}
    files = pictures(search_of(tmp_path / "c", 10))
    assert (plt.rcParams["axes.grid"], plt.rcParams["axes.facecolor"]) == style
    assert files.keys() == {"importance.png", "parallel_coordinates.png"}
    assert all(content.startswith(b"\x89PNG") for content in files.values())
    sizes = [plt.imread(io.BytesIO(content), "png").shape[:2] for content in files.values()]
    assert all(450 < height < 650 and 850 < width < 1300 for height, width in sizes)
    assert plt.get_fignums() == []


def test_nothing_complete_has_no_best_trial(tmp_path: Path) -> None:
    search = search_of(tmp_path, 0)
    assert best_trial(search) is None
    assert table(search) == "trials         2: 1 failed, 1 running"


def test_single_setting_has_no_share_of_importance(tmp_path: Path) -> None:
    sweep = Sweep({"x": FloatDistribution(-1, 1)}, trials=12, metric="val/acc", mode="max")
    search = Search("s", sweep, tmp_path / "journal", "here")
    for _ in range(12):
        number, settings = search.ask()
        search.tell(number, "complete", settings["x"])
    assert importances(search) == {}
    assert "importance" not in table(search)
