"""The trials of a search, kept where a killed process cannot lose them."""

import math
import time
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage, fail_stale_trials
from optuna.trial import FrozenTrial, Trial, TrialState

from src.search.optuna_compat import suggest, trial_id
from src.search.storage import BEAT_S, open_storage
from src.search.stored_trial import RUN, run_name, settings
from src.search.sweep_file import Sweep

_STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
_PLACE = "place"  # what is kept of a trial: who trains it


class Search:
    """Optuna's study of a sweep: what to try, what came of it.

    Args:
        name: Name of the study; all machines that share it give the same.
        sweep: What is sought.
        file: Journal of the study, if the sweep names no database.
        place: Who trains: machine and folder.

    Raises:
        ValueError: The database cannot be reached, or what it holds is another search.
    """

    def __init__(self, name: str, sweep: Sweep, file: Path, place: str) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.sweep = sweep
        self.place = place
        self._local = sweep.storage is None
        self._storage = open_storage(sweep.storage, file)
        self._asked: dict[int, Trial] = {}
        self._told: dict[int, int] = {}  # validations that were reported
        self._runs: dict[int, str] = {}
        self._beaten = 0.0
        pruner: optuna.pruners.BasePruner = optuna.pruners.NopPruner()
        if sweep.pruner:
            startup, warmup = sweep.pruner.startup_trials, sweep.pruner.warmup_validations
            pruner = optuna.pruners.MedianPruner(startup, warmup)
        self.study = optuna.create_study(
            study_name=name,
            storage=self._storage,
            pruner=pruner,
            direction="minimize" if sweep.lowest else "maximize",
            load_if_exists=True,
        )
        if len(self.study.directions) != 1:
            raise ValueError(f"the storage holds a search {name} for several values at once")
        for trial in self.trials():
            settings(trial, sweep.space)
        # Else a search that goes on repeats its beginning, and two machines try the same.
        seed = sweep.seed + len(self.trials())
        seed += 0 if self._local else zlib.crc32(place.encode())
        self.study.sampler = optuna.samplers.TPESampler(seed=seed % 2**32, multivariate=True)

    @property
    def metric(self) -> str:
        """Metric of the validation that is sought."""
        return str(self.sweep.metric)

    def count(self) -> tuple[int, int]:
        """Count trials.

        Returns:
            All that there shall be, and those that have ended, on all machines.
        """
        ended = self.trials(TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
        return self.sweep.trials, len(ended)

    def best(self, values: Sequence[float]) -> float | None:
        """Choose the best value of the metric.

        Args:
            values: Values.

        Returns:
            The highest or the lowest, as the sweep says; None if there is no value.
        """
        pick = min if self.sweep.lowest else max
        return pick((value for value in values if math.isfinite(value)), default=None)

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """List trials of all machines.

        Args:
            *states: States that are meant; none means all.

        Returns:
            The trials, by their numbers.
        """
        return self.study.get_trials(deepcopy=False, states=states or None)

    def interrupted(self) -> list[tuple[int, dict[str, Any], str | None]]:
        """Take up the trials that a process here was training when it ended.

        Returns:
            Number, settings and name of the run, if that is known, of each.
        """
        found = []
        for trial in self.trials(TrialState.RUNNING):
            # Of a journal this process is the only one; its folder may have moved.
            mine = self._local or trial.user_attrs.get(_PLACE) == self.place
            if mine and trial.number not in self._asked:
                self._asked[trial.number] = Trial(self.study, trial_id(trial))
                self._told[trial.number] = max(trial.intermediate_values, default=0)
                found.append((trial.number, self._complete(trial.number), run_name(trial) or None))
        return found

    def ask(self) -> tuple[int, dict[str, Any]] | None:
        """Choose settings to try.

        Returns:
            Number of the trial and value by name; None if there are enough trials.
        """
        if len(self.trials()) >= self.sweep.trials:
            return None
        trial = self.study.ask(self.sweep.space)
        trial.set_user_attr(_PLACE, self.place)
        self._asked[trial.number] = trial
        return trial.number, self._complete(trial.number)

    def note_run(self, number: int, run: str) -> None:
        """Keep which run a trial is.

        Args:
            number: Number of the trial.
            run: Name of the run.
        """
        if self._runs.get(number) != run:
            self._runs[number] = run
            with suppress(UpdateFinishedTrialError):
                self._asked[number].set_user_attr(RUN, run)

    def report(self, number: int, values: Sequence[float]) -> bool:
        """Tell how a trial goes.

        Args:
            number: Number of the trial.
            values: Metric of each of its validations so far.

        Returns:
            Whether it is to be given up.
        """
        trial, told = self._asked[number], self._told.get(number, 0)
        self._told[number] = len(values)
        try:
            for step, value in enumerate(values[told:], told + 1):
                if math.isfinite(value):
                    trial.report(value, step)
        except UpdateFinishedTrialError:  # by another machine, which took this one for dead
            return True
        return len(values) > told and trial.should_prune()

    def tell(self, number: int, end: str, value: float | None = None) -> None:
        """Tell how a trial ended.

        Args:
            number: Number of the trial.
            end: `complete`, `pruned` or `failed`.
            value: Best value of the metric, of a complete one.
        """
        self.study.tell(number, value, state=_STATES[end], skip_if_finished=True)
        del self._asked[number]

    def beat(self) -> None:
        """Say that this process lives, and give up trials of machines that do not."""
        if not isinstance(self._storage, RDBStorage) or time.monotonic() - self._beaten < BEAT_S:
            return
        self._beaten = time.monotonic()
        for trial in self._asked.values():
            self._storage.record_heartbeat(trial_id(trial))
        fail_stale_trials(self.study)

    def _complete(self, number: int) -> dict[str, Any]:
        """Give the settings of a trial; those that a killed process had not chosen are chosen."""
        trial = self._asked[number]
        for name, where in self.sweep.space.items():
            if name not in trial.params:
                suggest(trial, name, where)
        return settings(trial, self.sweep.space)
