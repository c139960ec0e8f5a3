"""What Optuna does not promise: every touch of it, in one place.

Each comment says why it is touched and, after "Wish:", what it would have to offer instead.
"""

from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, Trial


def trial_id(trial: FrozenTrial | Trial) -> int:
    """Tell by which number a storage knows a trial."""
    # A process that goes on takes its trials up again. Wish: `study.resume(trial.number)`.
    return trial._trial_id


def suggest(trial: Trial, name: str, where: BaseDistribution) -> None:
    """Choose a value where it is searched."""
    # Wish: `Trial.suggest`, which takes a distribution as `Study.ask` does.
    trial._suggest(name, where)


def contains(where: BaseDistribution, value: Any) -> bool:
    """Tell whether a value is one of those that are searched."""
    # A storage may hold what others have written. Wish: `value in where`.
    return where._contains(where.to_internal_repr(value))
