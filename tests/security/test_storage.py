"""The storage of a sweep that somebody else wrote to: it adds no word to a command."""

import json
import os
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState, create_trial

from src.engine.jobs.group import Group
from src.search.results import table, trials_csv
from src.search.search import Search
from src.search.storage import open_storage
from src.search.sweep_file import Sweep, option
from src.search.trials import Trials

SPACE: dict[str, BaseDistribution] = {
    "lr": FloatDistribution(0.1, 1),
    "width": IntDistribution(1, 9),
    "kind": CategoricalDistribution(["Adam", "SGD", True]),
}
GOOD = {"lr": 0.5, "width": 3, "kind": "Adam"}
BAD = [
    ("trainer.callbacks", "os.system"),
    ("weights", "/etc/passwd"),
    ("kind", "evil.Optimizer"),
    ("kind", "Adam --debug"),
    ("lr", 100.0),
    ("width", 99),
]


def search_of(tmp_path: Path) -> Search:
    return Search("s", Sweep(SPACE), tmp_path / "journal", "here")


@pytest.fixture(autouse=True)
def _study(tmp_path: Path) -> None:
    search_of(tmp_path)


def write(tmp_path: Path, params: dict, state: TrialState = TrialState.COMPLETE, **more) -> None:
    """Add a trial to the storage, as whoever has the file can."""
    study = optuna.load_study(study_name="s", storage=open_storage(None, tmp_path / "journal"))
    stored = {name: CategoricalDistribution([value]) for name, value in params.items()}
    value = 0.9 if state is TrialState.COMPLETE else None
    study.add_trial(
        create_trial(state=state, params=params, distributions=stored, value=value, **more)
    )


@pytest.mark.parametrize(("name", "value"), BAD)
@pytest.mark.parametrize("state", [TrialState.COMPLETE, TrialState.RUNNING, TrialState.FAIL])
def test_setting_that_is_not_searched_is_refused(
    name: str, value: object, state: TrialState, tmp_path: Path
) -> None:
    write(tmp_path, GOOD | {name: value}, state)
    with pytest.raises(ValueError, match=rf"^trial 0 in the storage has {name}=[^\n]+$"):
        search_of(tmp_path)


@pytest.mark.parametrize(("name", "value"), BAD[2:])
@pytest.mark.filterwarnings("ignore:Fixed parameter")
def test_enqueued_setting_is_refused(name: str, value: object, tmp_path: Path) -> None:
    search_of(tmp_path).study.enqueue_trial(GOOD | {name: value})
    with pytest.raises(ValueError, match=rf"{name}|{value}"):
        search_of(tmp_path).ask()


def test_trial_that_comes_later_is_refused_when_it_is_used(tmp_path: Path) -> None:
    search = search_of(tmp_path)
    write(tmp_path, GOOD | {"weights": "x"})
    for use in (table, trials_csv):
        with pytest.raises(ValueError, match="which this sweep does not search"):
            use(search)
    write(tmp_path, GOOD | {"weights": "x"}, TrialState.RUNNING)
    with pytest.raises(ValueError, match="which this sweep does not search"):
        search.interrupted()


def test_value_is_written_as_the_sweep_writes_it(tmp_path: Path) -> None:
    write(tmp_path, {"lr": "1", "width": True, "kind": 1}, TrialState.RUNNING)
    ((_, found, _),) = search_of(tmp_path).interrupted()
    words = [option(name, value) for name, value in found.items()]
    assert words == ["--lr=1.0", "--width=1", "--kind=true"]


def test_trial_whose_process_was_killed_while_it_chose_is_completed(tmp_path: Path) -> None:
    write(tmp_path, {"width": 3}, TrialState.RUNNING)
    ((_, found, _),) = search_of(tmp_path).interrupted()
    assert found.keys() == SPACE.keys()
    assert found["width"] == 3


@pytest.mark.parametrize("run", ["../../../else", "/etc", 5, ["x"], "version_0/..", "=1+1", ""])
def test_run_that_is_no_name_is_not_known(run: object, tmp_path: Path) -> None:
    write(tmp_path, GOOD, TrialState.RUNNING, user_attrs={"run": run})
    assert search_of(tmp_path).interrupted() == [(0, GOOD, None)]
    assert b"=1+1" not in trials_csv(search_of(tmp_path))


@pytest.mark.parametrize("name", ["../../else/lightning_logs/version_0", "version_0"])
def test_trial_touches_no_run_elsewhere(name: str, tmp_path: Path) -> None:
    logs = tmp_path / "else" / "lightning_logs" / "version_0"
    logs.mkdir(parents=True)
    (logs / "run.json").write_text(json.dumps({"group": "g"}))
    here = tmp_path / "here" / "lightning_logs"
    here.mkdir(parents=True)
    (here / "version_0").symlink_to(logs)
    search = search_of(tmp_path)
    plan = Trials(search, Group(tmp_path / "here", "g"), [], option)
    assert plan._record(name) is None


def test_search_for_several_values_is_refused(tmp_path: Path) -> None:
    storage = open_storage(None, tmp_path / "other")
    optuna.create_study(study_name="s", storage=storage, directions=["maximize", "minimize"])
    with pytest.raises(ValueError, match="for several values at once"):
        Search("s", Sweep(SPACE), tmp_path / "other", "here")


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"[" * 100_000,
        b"{}",
        b'{"op_code": 99, "worker_id": "x"}',
        b'{"op_code": 0, "worker_id": "x"}',
        b"\x80\x02cos\nsystem\n.",
        b'"' + b"x" * 5_000_000,
        b"\x00" * 1_000,
    ],
)
def test_odd_journal_is_a_line(line: bytes, tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(line + b"\n" + b"{}\n")
    with pytest.raises(ValueError, match=r"^the storage [^\n]*journal cannot be used[^\n]*$"):
        search_of(tmp_path)


def test_journal_that_is_a_pipe_does_not_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="it is no file"):
        open_storage(None, tmp_path / "pipe")


def test_lock_that_points_nowhere_does_not_wait(tmp_path: Path) -> None:
    search_of(tmp_path)
    (tmp_path / "journal.lock").symlink_to(tmp_path / "nowhere")
    assert search_of(tmp_path).ask()


@pytest.mark.filterwarnings("ignore:Heartbeat of storage")
def test_database_of_somebody_else_is_refused_likewise(tmp_path: Path) -> None:
    sweep = replace(Sweep(SPACE), storage=f"sqlite:///{tmp_path}/db")
    study = Search("s", sweep, tmp_path / "journal", "here").study
    where = {"weights": CategoricalDistribution(["x"])}
    study.add_trial(create_trial(params={"weights": "x"}, distributions=where, value=1.0))
    with pytest.raises(ValueError, match="has weights='x', which this sweep does not search"):
        Search("s", sweep, tmp_path / "journal", "here")
