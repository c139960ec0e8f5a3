import re
from pathlib import Path

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from src.engine.records.metric import Metric
from src.search.sweep_file import Pruner, Sweep, option, read_sweep

SWEEPS = sorted((Path(__file__).parents[2] / "configs" / "sweeps").glob("*.yaml"))


def sweep_of(tmp_path: Path, text: str):
    (tmp_path / "a.yaml").write_text(text)
    return read_sweep(tmp_path / "a.yaml")


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_every_sweep_can_be_read(path: Path) -> None:
    sweep = read_sweep(path)
    assert Path(sweep.config).is_file()


def test_space_has_ranges_and_choices(tmp_path: Path) -> None:
    text = """
    space:
      lr: {low: 1e-4, high: 0.1, log: true}
      width: {low: 8, high: 64, step: 8}
      momentum: {low: 0, high: 0.9}
      noise: {low: 0, high: 1, step: 0.25}
      depth: {low: 1, high: 8, log: true}
      size: [64, 128]
      betas: [[0.9, 0.99], [0.9, 0.999]]
    """
    assert sweep_of(tmp_path, text).space == {
        "lr": FloatDistribution(1e-4, 0.1, log=True),
        "width": IntDistribution(8, 64, step=8),
        "momentum": FloatDistribution(0.0, 0.9),
        "noise": FloatDistribution(0.0, 1.0, step=0.25),
        "depth": IntDistribution(1, 8, log=True),
        "size": CategoricalDistribution([64, 128]),
        "betas": CategoricalDistribution(["[0.9, 0.99]", "[0.9, 0.999]"]),
    }
    assert sweep_of(tmp_path, "space: {a: [{b: 1}]}").space["a"].choices == ('{"b": 1}',)


def test_the_rest_has_defaults(tmp_path: Path) -> None:
    sweep = sweep_of(tmp_path, "space: {a: [1, 2]}\nconfig: sub/b.yaml\n")
    rest = {"trials": 20, "metric": None, "mode": None, "pruner": Pruner(5, 1), "seed": 0}
    assert vars(sweep) | rest | {"fixed": {}, "storage": None} == vars(sweep)
    assert sweep.config == str(tmp_path / "sub/b.yaml")
    assert not sweep.lowest
    other = sweep_of(
        tmp_path, "space: {a: [1]}\nmetric: val/loss\nmode: min\npruner: null\ntrials: 1\n"
    )
    assert (other.lowest, other.pruner, other.config, other.trials) == (True, None, None, 1)
    text = "space: {a: [1]}\npruner: {startup_trials: 2, warmup_validations: 3}\nconfig: ''\n"
    assert sweep_of(tmp_path, text).pruner == Pruner(2, 3)
    assert sweep_of(tmp_path, text).config == ""


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.01, "--a=0.01"), ("CNN", "--a=CNN"), (True, "--a=true"), (None, "--a=null")],
)
def test_setting_is_a_word_of_the_command(value, expected: str) -> None:
    assert option("a", value) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", " cannot be read: "),
        ("space: {a: [[1], {b: 2}]}\nx: 1\na: 2", ": a, x is not known; known are config, fixed, "),
        ("{}", " has no `space`: the options to search, each with low and high"),
        ("3", " has no `space`: the options to search, each with low and high"),
        ("space: [1]", " has no `space`: the options"),
        ("space: {a: [1]}\nseed: -1", ": seed must be a number of at least 0, got -1"),
        ("space: {a: [1]}\nseed: true", ": seed must be a number of at least 0, got True"),
        ("space: {a: [1]}\ntrials: 0", ": trials must be a number above 0, got 0"),
        ("space: {a: [1]}\ntrials: 1.5", ": trials must be a number above 0, got 1.5"),
        ("space: {a: [1]}\nfixed: [1]", ": fixed must be options with their values, got [1]"),
        ("space: {a: [1]}\nmetric: 3", ": metric must be one of the validation"),
        ("space: {a: [1]}\nmetric: test/x", ": metric must be one of the validation"),
        ("space: {a: [1]}\nmetric: train_x", ": metric must be one of the validation"),
        ("space: {a: [1]}\nmode: highest", ": mode must be max or min, got highest"),
        ("space: {a: [1]}\npruner: 3", ": pruner has startup_trials, warmup_validations, or is"),
        ("space: {a: [1]}\npruner: {b: 1}", ": pruner has startup_trials, warmup_validations"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path}/a.yaml{said}")):
        sweep_of(tmp_path, text)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("{low: 2, high: 1}", "space of a: "),
        ("{low: x, high: 1}", "space of a: could not convert string to float: 'x'; got"),
        ("{low: 1}", "space of a must be a list of choices, or low and high, with log: true"),
        ("{low: 1, high: 2, more: 3}", "space of a must be a list of choices"),
        ("[]", "space of a: "),
        ("3", "space of a must be a list of choices"),
    ],
)
def test_place_that_cannot_be_searched_is_told(tmp_path: Path, where: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        sweep_of(tmp_path, f"space: {{a: {where}}}")


ACC, RMSE = Metric("val/acc", "max", "percent"), Metric("val/rmse", "min")


@pytest.mark.parametrize(
    ("metric", "mode", "headline", "judged"),
    [
        (None, None, ACC, ("val/acc", "max")),
        (None, None, RMSE, ("val/rmse", "min")),
        ("val/rmse", None, ACC, ("val/rmse", "min")),
        ("val/rmse", "min", ACC, ("val/rmse", "min")),
        ("other", "min", ACC, ("other", "min")),
        ("other", "max", None, ("other", "max")),
    ],
)
def test_task_tells_what_the_file_does_not(metric, mode, headline, judged) -> None:
    known = {each.name: each for each in (ACC, RMSE)}
    sweep = Sweep({}, metric=metric, mode=mode, trials=7).judged_by(known, headline)
    assert (sweep.metric, sweep.mode, sweep.trials) == (*judged, 7)
    assert sweep.lowest is (judged[1] == "min")


@pytest.mark.parametrize(
    ("metric", "mode", "said"),
    [
        (None, None, "the task publishes no headline metric: say `metric` and `mode`"),
        ("other", None, "which value of other is best is not known: say `mode`, max or min"),
        ("val/rmse", "max", "mode max of val/rmse is the wrong one: it is min"),
    ],
)
def test_search_whose_best_value_is_not_known_is_refused(metric, mode, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}$"):
        Sweep({}, metric=metric, mode=mode).judged_by({"val/rmse": RMSE}, None)
