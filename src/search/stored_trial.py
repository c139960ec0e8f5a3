"""What a storage has of a trial, and others may have written there."""

import re
from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, Trial

from src.search.optuna_compat import contains

RUN = "run"  # what is kept of a trial besides its settings: as which run it is trained


def settings(trial: FrozenTrial | Trial, space: Mapping[str, BaseDistribution]) -> dict[str, Any]:
    """Take the settings of a trial out of a storage, which others may have written to.

    They become words of a command.

    Args:
        trial: The trial.
        space: Where each option is searched.

    Returns:
        The settings by name.

    Raises:
        ValueError: One of them is not searched, or has a value that is not.
    """
    for name, value in trial.params.items():
        if name not in space or not _is_searched(value, space[name]):
            raise ValueError(
                f"trial {trial.number} in the storage has {name}={value!r:.60}, which this sweep "
                "does not search: give another --group or --storage"
            )
    return {name: _own(trial.params[name], space[name]) for name in space if name in trial.params}


def run_name(trial: FrozenTrial) -> str:
    """Name the run that a trial is.

    Args:
        trial: The trial.

    Returns:
        Its name; empty if that is not known.
    """
    name = str(trial.user_attrs.get(RUN))
    return name if re.fullmatch(r"version_\d+", name) else ""


def _is_searched(value: Any, where: BaseDistribution) -> bool:
    try:
        return contains(where, value)
    except (TypeError, ValueError):
        return False


def _own(value: Any, where: BaseDistribution) -> Any:
    """Write a value as the sweep does: of choices, 1 and true are the same for Python."""
    return where.to_external_repr(where.to_internal_repr(value))
