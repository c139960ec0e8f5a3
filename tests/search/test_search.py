import math
import zlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace as Fake

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import RandomSampler
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from src.search.search import RUN, Search
from src.search.storage import BEAT_S, open_storage
from src.search.sweep_file import Pruner, Sweep

SPACE = {"x": FloatDistribution(-1, 1)}
SWEEP = Sweep(SPACE, trials=30, metric="val/acc", mode="max", pruner=Pruner(2, 0))


def search_of(tmp_path: Path, sweep: Sweep = SWEEP, place: str = "here") -> Search:
    return Search("s", sweep, tmp_path / "journal", place)


def test_search_finds_the_maximum(tmp_path: Path) -> None:
    search = search_of(tmp_path)
    while asked := search.ask():
        number, settings = asked
        search.tell(number, "complete", 1 - (settings["x"] - 0.5) ** 2)
    assert (search.count(), search.metric) == ((30, 30), "val/acc")
    assert optuna.logging.get_verbosity() == optuna.logging.ERROR
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
    assert not search.report(number, [math.nan, 0.4, math.inf])
    assert search.trials()[0].intermediate_values == {2: 0.4}
    search.tell(number, "failed")
    assert search.trials()[0].state == TrialState.FAIL


def test_search_asks_for_no_more_trials_than_there_shall_be(tmp_path: Path) -> None:
    search = search_of(tmp_path, replace(SWEEP, trials=2))
    first, second = search.ask(), search.ask()
    assert (first[0], second[0], search.ask()) == (0, 1, None)
    assert search.count() == (2, 0)
    assert [trial.user_attrs["place"] for trial in search.trials()] == ["here"] * 2


def test_search_without_a_pruner_gives_nothing_up(tmp_path: Path) -> None:
    search = search_of(tmp_path, replace(SWEEP, pruner=None))
    for value in (0.9, 0.8, 0.1):
        number, _ = search.ask()
        assert not search.report(number, [value])
        search.tell(number, "complete", value)


@pytest.fixture
def samplers(monkeypatch) -> list[dict]:
    """What each sampler is made with that a search asks for."""
    made = []

    def make(**options) -> RandomSampler:
        made.extend([options] if options else [])  # Optuna makes one that is replaced
        return RandomSampler(options.get("seed"))

    monkeypatch.setattr("src.search.search.optuna.samplers.TPESampler", make)
    return made


def test_pruner_and_sampler_are_those_of_the_sweep(tmp_path: Path, samplers) -> None:
    search = search_of(tmp_path, replace(SWEEP, pruner=Pruner(7, 3), seed=5))
    pruner = search.study.pruner
    assert (pruner._n_startup_trials, pruner._n_warmup_steps) == (7, 3)
    search.ask()
    search_of(tmp_path, replace(SWEEP, seed=2**32))
    assert samplers == [{"seed": 5, "multivariate": True}, {"seed": 1, "multivariate": True}]


def test_places_at_one_database_have_seeds_of_their_own(
    tmp_path: Path, samplers, monkeypatch
) -> None:
    journal = open_storage(None, tmp_path / "journal")
    monkeypatch.setattr("src.search.search.open_storage", lambda *_: journal)
    sweep = replace(SWEEP, storage="shared", seed=2)
    here = search_of(tmp_path, sweep)
    mine = here.ask()
    there = search_of(tmp_path, sweep, "there")
    seeds = [2 + zlib.crc32(b"here"), (3 + zlib.crc32(b"there")) % 2**32]
    assert samplers == [{"seed": seed, "multivariate": True} for seed in seeds]
    assert there.interrupted() == []
    assert search_of(tmp_path, sweep).interrupted() == [(*mine, None)]


def test_study_of_several_values_is_refused(tmp_path: Path) -> None:
    storage = open_storage(None, tmp_path / "journal")
    optuna.create_study(study_name="s", storage=storage, directions=["minimize", "maximize"])
    with pytest.raises(ValueError, match="the storage holds a search s for several values at once"):
        search_of(tmp_path)


def test_study_of_another_space_is_refused(tmp_path: Path) -> None:
    search_of(tmp_path).ask()
    with pytest.raises(ValueError, match="which this sweep does not search"):
        search_of(tmp_path, Sweep({"y": FloatDistribution(-1, 1)}))


def test_settings_that_a_killed_process_had_not_chosen_are_chosen(tmp_path: Path) -> None:
    search = search_of(tmp_path)
    search.study.ask()
    ((number, settings, run),) = search_of(tmp_path).interrupted()
    assert (number, list(settings), run) == (0, ["x"], None)


def test_run_of_a_trial_is_kept_once(tmp_path: Path, monkeypatch) -> None:
    search, kept = search_of(tmp_path), []
    number, _ = search.ask()
    search._asked[number] = Fake(set_user_attr=lambda *words: kept.append(words))
    for run in ("version_1", "version_1", "version_2"):
        search.note_run(number, run)
    assert kept == [(RUN, "version_1"), (RUN, "version_2")]


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
    search = search_of(tmp_path, Sweep(SPACE, metric="val/loss", mode="min"))
    assert search.metric == "val/loss"
    assert search.best([0.3, 0.1, 0.2]) == 0.1
    assert search.best([]) is None
    for value in (0.3, 0.1):
        number, _ = search.ask()
        search.tell(number, "complete", value)
    assert search.study.best_value == 0.1
