import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import create_trial

from src.search.stored_trial import run_name, settings

SPACE = {"lr": FloatDistribution(0, 1), "kind": CategoricalDistribution(["a", "b"])}


def trial_of(params: dict, **attributes: object):
    where = {name: CategoricalDistribution([value]) for name, value in params.items()}
    return create_trial(params=params, distributions=where, value=1, user_attrs=attributes)


def test_settings_are_those_of_the_sweep() -> None:
    assert settings(trial_of({"kind": "b", "lr": 1}), SPACE) == {"lr": 1.0, "kind": "b"}
    assert settings(trial_of({"kind": "b"}), SPACE) == {"kind": "b"}


@pytest.mark.parametrize("params", [{"lr": 2}, {"lr": "x"}, {"kind": "c"}, {"other": 1}])
def test_setting_that_is_not_searched_is_refused(params: dict) -> None:
    ((name, value),) = params.items()
    said = f"^trial -1 in the storage has {name}={value!r}, which this sweep does not search: give"
    with pytest.raises(ValueError, match=said):
        settings(trial_of(params), SPACE)


def test_run_is_named_if_it_is_one() -> None:
    assert run_name(trial_of({}, run="version_12")) == "version_12"
    assert run_name(trial_of({}, run="../version_12")) == ""
    assert run_name(trial_of({})) == ""


def test_choice_is_written_as_the_sweep_does() -> None:
    space = {"a": CategoricalDistribution([True, False])}
    chosen = settings(trial_of({"a": 1}), space)["a"]
    assert chosen is True
