import json
import re
from pathlib import Path

import pytest

from src.engine.jobs.samples import (
    RunSet,
    count_looks,
    count_tested,
    different,
    find_group,
    warn_of_differences,
)
from src.engine.records.ledger import add_look
from src.engine.records.metric import Metric
from src.engine.records.run_record import RunRecord


def make_run(version: int, seed: int, group: str | None = None, **more) -> Path:
    folder = Path("lightning_logs") / f"version_{version}"
    folder.mkdir(parents=True)
    settings = {"seed_everything": seed, "model": {"lr": more.get("lr", 0.1)}}
    (folder / "config.yaml").write_text(json.dumps(settings))
    overview = {"group": group, "seed": seed, "config": str(more.get("lr"))}
    overview["commit"] = more.get("commit", "c")
    overview |= more.get("known", {})
    (folder / "run.json").write_text(json.dumps(overview))
    if more.get("finished", True):
        (folder / "metrics.json").write_text(json.dumps({"test/acc": 0.9 + seed / 100, "steps": 1}))
    else:
        (folder / "progress.json").write_text(json.dumps({"step": 1}))
    return folder


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_finished_runs_of_a_group_are_taken_by_seed(capsys) -> None:
    make_run(0, 2, "g")
    make_run(1, 1, "g")
    make_run(2, 3, "g", finished=False)
    found = RunSet.find("g")
    assert (found.name, list(found.records)) == ("g", [1, 2])
    assert found.values("test/acc") == {1: 0.91, 2: 0.92}
    said = "note: g: left out, for they are not finished: version_2\n"
    assert capsys.readouterr().err == said


def test_latest_of_runs_with_the_same_seed_is_taken(capsys) -> None:
    make_run(0, 1, "g")
    make_run(1, 1, "g")
    assert RunSet.find("g").records[1].name == "version_1"
    said = "note: g: of several runs with the same seed the latest is taken\n"
    assert capsys.readouterr().err == said


def test_runs_of_different_commits_are_told(capsys) -> None:
    make_run(0, 1, "g", commit="b" * 40)
    make_run(1, 2, "g", commit="a" * 40)
    make_run(2, 3, "g", commit="a" * 40)
    RunSet.find("g")
    said = f"note: g: its runs are of different commits: {'a' * 10}, {'b' * 10}\n"
    assert capsys.readouterr().err == said


def test_machines_are_told_once() -> None:
    for version, (device, threads) in enumerate([("GPU", 2), ("CPU", 1), ("GPU", 2)]):
        session = {"began": "b", "from_step": 0, "command": "c", "packages": {}}
        session["git"] = {"commit": "", "status": "", "diff": ""}
        session["inputs"] = {"device": device, "threads": str(threads), "processes": "1"}
        other = session | {"inputs": session["inputs"] | {"device": "before"}}
        folder = make_run(version, version, "g")
        (folder / "provenance.json").write_text(json.dumps([other, session]))
    make_run(4, 9, "g")
    assert RunSet.find("g").machines() == "CPU with 1 threads, GPU with 2 threads"


def test_single_run_is_taken_by_its_name() -> None:
    make_run(0, 4)
    found = RunSet.find("version_0")
    assert found.values("test/acc") == {4: pytest.approx(0.94)}
    assert (found.name, found.machines()) == ("version_0", "")


def test_mixture_of_configurations_is_refused() -> None:
    make_run(0, 1, "g", lr=0.1)
    make_run(1, 2, "g", lr=0.2)
    make_run(2, 3, "g", lr=0.3)
    said = "runs of g are not of one configuration: version_0 and version_1 differ in --model.lr;"
    with pytest.raises(ValueError, match=re.escape(said)):
        RunSet.find("g")


def test_metric_that_a_run_lacks_is_named() -> None:
    make_run(0, 1)
    with pytest.raises(ValueError, match=r"has no to_target_s; it has steps, test/acc"):
        RunSet.find("version_0").values("to_target_s")


@pytest.mark.parametrize("value", ["Infinity", "NaN", "null"])
def test_figure_that_is_not_finite_is_said_to_be_so(value: str) -> None:
    folder = make_run(0, 1)
    (folder / "metrics.json").write_text(f'{{"steps": 1, "test/loss": {value}}}')
    with pytest.raises(ValueError, match=r"^test/loss of version_0 of version_0 is not finite$"):
        RunSet.find("version_0").values("test/loss")


@pytest.mark.parametrize("word", ["nothing", "version_7", "a/b"])
def test_what_is_neither_run_nor_group_is_refused(word: str) -> None:
    make_run(0, 1, "g")
    with pytest.raises(FileNotFoundError):
        RunSet.find(word)


def test_unfinished_runs_alone_are_refused() -> None:
    make_run(0, 1, "g", finished=False)
    with pytest.raises(FileNotFoundError, match="g: none of its runs is finished"):
        RunSet.find("g")


def test_group_is_found_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "lightning_logs" / "groups" / "g").mkdir(parents=True)
    assert find_group("lightning_logs/groups/g").name == "g"
    assert find_group("lightning_logs/groups/g").root == tmp_path
    assert find_group("lightning_logs/groups") is None
    (tmp_path / "groups" / "h").mkdir(parents=True)
    assert find_group("groups/h") is None
    assert find_group("last") is None


def test_group_that_there_is_not_is_told_with_those_that_there_are() -> None:
    make_run(0, 1, "g")
    make_run(1, 1, "h")
    said = "^a is no group or run in lightning_logs; groups are g, h$"
    with pytest.raises(FileNotFoundError, match=said):
        find_group("a")
    Path("a").mkdir()
    assert find_group("a") is None
    assert find_group("h").name == "h"
    assert find_group("version_0") is None


def test_nothing_is_a_group_where_there_is_none() -> None:
    make_run(0, 1)
    assert find_group("a") is None


def test_place_of_files_is_no_difference() -> None:
    first = {"a": 1, "data.data_dir": "x", "seed_everything": 1}
    assert different(first, {"a": 2, "b": 3, "data.data_dir": "y"}) == {"a": (1, 2), "b": (None, 3)}


KNOWN = {
    "val/acc": {"mode": "max", "format": "percent"},
    "rmse": {"mode": "min", "format": "number"},
    "val/f1": {"mode": "max", "format": "number"},
}


@pytest.mark.parametrize(
    ("headline", "name", "metric"),
    [
        ("val/acc", None, Metric("test/acc", "max", "percent")),
        ("rmse", None, Metric("rmse_best", "min")),
        ("val/f1", None, Metric("val/f1_best", "max")),  # the test logs no f1
        (None, "val/acc_best", Metric("val/acc_best", "max", "percent")),
        (None, "test/x", "test/x"),
        (None, "fit_s", Metric("fit_s", "min")),
        (None, "to_target_steps", Metric("to_target_steps", "min")),
        (None, "gpu_memory_mib", Metric("gpu_memory_mib", "min")),
        (None, "train/samples_per_s", Metric("train/samples_per_s", "max")),
        (None, "steps", "steps"),
    ],
)
def test_runs_are_compared_by_their_headline_or_by_what_is_named(headline, name, metric) -> None:
    make_run(0, 1, known={"headline": headline, "metrics": KNOWN})
    assert RunSet.find("version_0").metric(name) == metric


def test_runs_without_a_headline_must_be_told_the_metric() -> None:
    make_run(0, 1, known={"headline": None, "metrics": KNOWN})
    said = "version_0 has no headline metric: give --metric, one of steps, test/acc"
    with pytest.raises(ValueError, match=f"^{said}$"):
        RunSet.find("version_0").metric(None)


def test_tests_that_a_deleted_ledger_lacks_are_told(tmp_path: Path) -> None:
    for version in range(3):
        figures = {"steps": 1, "test_s": 1.0} if version else {"steps": 1}
        (make_run(version, version, "g") / "metrics.json").write_text(json.dumps(figures))
    (make_run(3, 3) / "metrics.json").write_text("null")
    add_look(tmp_path, {"run": "version_1", "config": "a", "network": 1})
    counts = "1 look at 1 network of 1 configuration here"
    lacking = "; tested, but not in the ledger, which was deleted or cut: version_"
    assert count_looks([tmp_path, tmp_path]) == f"{counts}{lacking}2"
    add_look(tmp_path, {"run": "version_2", "config": "a", "network": 1})
    assert count_looks([tmp_path], "a").endswith(", 2 of this configuration")
    (tmp_path / "lightning_logs" / "test_looks.jsonl").unlink()
    assert count_looks([tmp_path]).endswith(f"{lacking}1, version_2")


def run_set(*versions: int) -> RunSet:
    return RunSet("g", {version: RunRecord.find(f"version_{version}") for version in versions})


def test_tests_of_other_sizes_are_refused_where_they_are_compared() -> None:
    for version, count in enumerate([60, 60, 50, None]):
        figures = {"steps": 1, "test_samples": count} if count else {"steps": 1}
        (make_run(version, version) / "metrics.json").write_text(json.dumps(figures))
    assert count_tested([run_set(0), run_set(1, 3)], "test/acc") == 60
    assert (
        count_tested([run_set(3)], "test/acc") is count_tested([run_set(0, 2)], "val/acc") is None
    )
    said = r"different numbers of samples \(60 of version_1, 50 of version_2\): a difference of"
    for sets in ([run_set(0, 1, 2)], [run_set(0, 1), run_set(2)]):  # within and between groups
        with pytest.raises(ValueError, match=said):
            count_tested(sets, "test_loss")


def write_session(folder: Path, **checksums: str) -> None:
    inputs = {"threads": "1", "processes": "1"}
    inputs |= {f"data {name}": value for name, value in checksums.items()}
    session = {"began": "b", "from_step": 0, "command": "c", "packages": {}, "inputs": inputs}
    session["git"] = {"commit": "", "status": "", "diff": ""}
    (folder / "provenance.json").write_text(json.dumps([session]))


@pytest.mark.parametrize("apart", [False, True])
def test_other_data_are_told(capsys, apart: bool) -> None:
    for version, value in enumerate(["x", "x", "y"]):
        write_session(make_run(version, version), images=value, targets="z")
    make_run(3, 3)  # of which nothing is known
    sets = [run_set(0, 1), run_set(2, 3)] if apart else [run_set(0, 1, 2, 3)]
    warn_of_differences(sets, "val/x")
    said = "had different data (images): a difference may be that of the data\n"
    assert capsys.readouterr().err == f"note: version_0 and version_2 {said}"
    warn_of_differences([run_set(0), run_set(1, 3)], "val/x")
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "metric", "told"),
    [
        ("model.smoothing", "val/loss", True),
        ("model.smoothing", "val/f1", False),
        ("model.loss_fn", "loss", True),
        ("model.class_weights", "test_loss", True),
        ("model.weight_decay", "val/loss", False),
        ("model", "val/f1", True),
    ],
)
def test_metric_that_may_mean_something_else_is_told(capsys, name, metric, told: bool) -> None:
    for version in range(2):
        settings = {"seed_everything": 1, name: version}
        (make_run(version, version) / "config.yaml").write_text(json.dumps(settings))
    warn_of_differences([run_set(0), run_set(1)], metric)
    said = f"note: {metric} of version_0 and version_1 may not mean the same: --{name} differs\n"
    assert capsys.readouterr().err == said * told
