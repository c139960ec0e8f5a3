import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import Trial

from src.search.optuna_compat import contains, suggest, trial_id


def test_trial_is_taken_up_again() -> None:
    study = optuna.create_study()
    first = study.ask()
    again = Trial(study, trial_id(study.trials[0]))
    assert trial_id(again) == trial_id(first)
    suggest(again, "x", FloatDistribution(2, 3))
    assert 2 <= study.trials[0].params["x"] <= 3


@pytest.mark.parametrize(
    ("where", "inside", "outside"),
    [(FloatDistribution(2, 3), 2.5, 4.0), (FloatDistribution(2, 3, step=0.5), 2.5, 2.6)],
)
def test_value_that_is_not_searched_is_told(where, inside: float, outside: float) -> None:
    assert contains(where, inside)
    assert not contains(where, outside)


def test_choice_that_there_is_not_is_told() -> None:
    with pytest.raises(ValueError, match="not in"):
        contains(CategoricalDistribution(["a"]), "b")
