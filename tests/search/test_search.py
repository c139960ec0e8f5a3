import math
from dataclasses import replace
from pathlib import Path

import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from src.search.search import RUN, Search
from src.search.storage import BEAT_S
from src.search.sweep_file import Pruner, Sweep

SWEEP = Sweep({"x": FloatDistribution(-1, 1)}, trials=30, pruner=Pruner(2, 0))


def search_of(tmp_path: Path, sweep: Sweep = SWEEP, place: str = "here") -> Search:
    return Search("s", sweep, tmp_path / "journal", place)


def test_search_finds_the_maximum(tmp_path: Path) -> None:
    search = search_of(tmp_path)
    while asked := search.ask():
        number, settings = asked
        search.tell(number, "complete", 1 - (settings["x"] - 0.5) ** 2)
    assert search.count() == (30, 30)
    assert abs(search.study.best_params["x"] - 0.5) < 0.1


def test_trial_below_the_median_is_given_up(tmp_path: Path) -> None:
    search = search_of(tmp_path)
    for _ in range(2):
        number, _ = search.ask()
        assert not search.report(number, [0.5, 0.9])
        search.tell(number, "complete", 0.9)
    number, _ = search.ask()
    assert search.report(number, [0.1])
    search.tell(number, "pruned")
    number, _ = search.ask()
    assert not search.report(number, [0.6])
    assert not search.report(number, [0.6])  # nothing new
    assert search.report(number, [0.6, 0.7])


def test_killed_search_takes_its_trials_up(tmp_path: Path) -> None:
    search = search_of(tmp_path)
    first, second = search.ask(), search.ask()
    search.note_run(first[0], "version_4")
    search.report(first[0], [0.5])
    search.tell(second[0], "failed")
    again = search_of(tmp_path)
    assert again.interrupted() == [(*first, "version_4")]
    assert again.interrupted() == []
    again.report(first[0], [0.5, 0.6])
    again.tell(first[0], "complete", 0.6)
    assert again.trials(TrialState.COMPLETE)[0].intermediate_values == {1: 0.5, 2: 0.6}
    assert again.trials(TrialState.COMPLETE)[0].user_attrs[RUN] == "version_4"


def test_trials_of_a_moved_folder_are_taken_up(tmp_path: Path) -> None:
    asked = search_of(tmp_path).ask()
    assert search_of(tmp_path, place="there").interrupted() == [(*asked, None)]


@pytest.mark.filterwarnings("ignore:Heartbeat of storage")
def test_machines_at_one_database_try_their_own(tmp_path: Path) -> None:
    sweep = replace(SWEEP, storage=f"sqlite:///{tmp_path}/db")
    here, there = (search_of(tmp_path, sweep, place) for place in ("here", "there"))
    first, second = here.ask(), there.ask()
    assert first[1] != second[1]
    assert search_of(tmp_path, sweep, "there").interrupted() == [(*second, None)]


def test_trial_that_another_machine_took_for_dead_is_given_up(tmp_path: Path) -> None:
    search = search_of(tmp_path)
    number, _ = search.ask()
    search.study.tell(number, state=TrialState.FAIL)
    search.note_run(number, "version_1")
    assert search.report(number, [0.5])
    search.tell(number, "pruned")
    assert search.trials()[0].state == TrialState.FAIL


def test_cut_line_of_the_journal_is_left_out(tmp_path: Path) -> None:
    search = search_of(tmp_path)
    search.tell(search.ask()[0], "complete", 0.5)
    with (tmp_path / "journal").open("a") as file:
        file.write('{"op_code": 4, "wor')
    again = search_of(tmp_path)
    again.tell(again.ask()[0], "complete", 0.6)
    assert search_of(tmp_path).count() == (30, 2)


def test_what_is_no_number_is_no_result(tmp_path: Path) -> None:
    search = search_of(tmp_path)
    assert search.best([math.nan, 0.4, math.inf]) == 0.4
    assert search.best([math.nan]) is None
    number, _ = search.ask()
    assert not search.report(number, [math.nan])


def test_search_that_goes_on_does_not_repeat_its_beginning(tmp_path: Path) -> None:
    tried = set()
    for _ in range(4):
        search = search_of(tmp_path)
        number, settings = search.ask()
        search.tell(number, "complete", 0.5)
        tried.add(settings["x"])
    assert len(tried) == 4


def test_machine_beats_for_its_trials_and_gives_up_those_of_dead_ones(
    tmp_path: Path, monkeypatch
) -> None:
    here = search_of(tmp_path)
    here._storage = object.__new__(RDBStorage)  # making the tables of one takes seconds
    (mine, _), lost = here.ask(), here.study.ask().number
    clock, beats = [1000.0], []
    monkeypatch.setattr("src.search.search.time.monotonic", lambda: clock[0])
    monkeypatch.setattr(RDBStorage, "record_heartbeat", lambda _, number: beats.append(number))
    monkeypatch.setattr(
        "src.search.search.fail_stale_trials",
        lambda study: study.tell(lost, state=TrialState.FAIL, skip_if_finished=True),
    )
    for passed in (0, BEAT_S - 1, 1):
        clock[0] += passed
        here.beat()
    assert beats == [here.trials()[mine]._trial_id] * 2
    assert here.trials()[lost].state == TrialState.FAIL


def test_journal_of_one_machine_needs_no_beat(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("src.search.search.fail_stale_trials", lambda _: pytest.fail("no others"))
    search_of(tmp_path).beat()


def test_loss_is_sought_low(tmp_path: Path) -> None:
    search = search_of(tmp_path, Sweep(SWEEP.space, metric="val/loss"))
    assert search.metric == "val/loss"
    assert search.best([0.3, 0.1, 0.2]) == 0.1
    assert search.best([]) is None
    for value in (0.3, 0.1):
        number, _ = search.ask()
        search.tell(number, "complete", value)
    assert search.study.best_value == 0.1
