"""What a search found: a table, a file, two pictures."""

import csv
import io
import warnings
from collections import Counter
from typing import Any

import matplotlib as mpl
import optuna
from optuna.trial import FrozenTrial, TrialState

from src.engine.console.printable import spreadsheet_cell
from src.engine.console.table import entries
from src.engine.console.table import table as aligned
from src.engine.records.metric import number_text
from src.search.search import Search
from src.search.stored_trial import run_name, settings

_SHOWN = 10  # trials in the table
_FEWEST = 2  # complete trials that a picture needs
_FEWEST_FOR_SHARES = 10  # complete trials below which shares of importance are chance
_STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "given up",
    TrialState.FAIL: "failed",
}


def best_trial(search: Search) -> FrozenTrial | None:
    """Find the best complete trial.

    Args:
        search: The search.

    Returns:
        The trial; None if none is complete.
    """
    complete = search.trials(TrialState.COMPLETE)
    return search.study.best_trial if complete else None


def importances(search: Search) -> dict[str, float]:
    """Estimate how much of the differences between trials each setting explains, by PED-ANOVA.

    Args:
        search: The search.

    Returns:
        Share by name, largest first; empty with fewer than ten complete trials, and of one setting.

    References:
        Watanabe, Bansal and Hutter, "PED-ANOVA: efficiently quantifying hyperparameter importance
        in arbitrary subspaces", IJCAI 2023. arXiv:2304.10255
    """
    few = len(search.trials(TrialState.COMPLETE)) < _FEWEST_FOR_SHARES
    if few or len(search.sweep.space) < 2:  # noqa: PLR2004  # the only one explains everything
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return optuna.importance.get_param_importances(search.study)


def table(search: Search) -> str:
    """Describe the search and its best trials in lines for the terminal.

    Args:
        search: The search.

    Returns:
        States, the best trials with their settings, and what matters most.
    """
    states = Counter(_STATES.get(trial.state, "running") for trial in search.trials())
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    complete = search.trials(TrialState.COMPLETE)
    ranked = sorted(complete, key=lambda trial: trial.value or 0, reverse=not search.sweep.lowest)
    names = [*search.sweep.space]
    rows = [["trial", search.metric, "run", *(name.rpartition(".")[2] for name in names)]]
    rows += [
        [
            str(trial.number),
            number_text(trial.value or 0),
            _short(run_name(trial)),
            *(_short(value) for value in settings(trial, search.sweep.space).values()),
        ]
        for trial in ranked[:_SHOWN]
    ]
    shares = [f"{name} {share:.0%}" for name, share in importances(search).items()]
    first = entries({"trials": f"{sum(states.values())}: {told}"})
    lines = [
        first,
        aligned(rows) if ranked else "",
        entries({"importance": ", ".join(shares)} if shares else {}),
    ]
    return "\n".join(filter(None, lines))


def trials_csv(search: Search) -> bytes:
    """Write all trials as a table.

    Args:
        search: The search.

    Returns:
        Content of a CSV file.
    """
    names = [*search.sweep.space]
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    heads = ["trial", "state", search.metric, "run", "seconds", *names]
    writer.writerow(map(spreadsheet_cell, heads))
    for trial in search.trials():
        seconds = f"{trial.duration.total_seconds():.1f}" if trial.duration else ""
        about = [
            trial.number,
            _STATES.get(trial.state, "running"),
            trial.value,
            run_name(trial),
            seconds,
        ]
        row = [*about, *map(settings(trial, search.sweep.space).get, names)]
        writer.writerow(map(spreadsheet_cell, row))
    return buffer.getvalue().encode()


def pictures(search: Search) -> dict[str, bytes]:
    """Draw what matters, and which settings went with which result.

    Args:
        search: The search.

    Returns:
        PNG files by name; none with fewer than two complete trials.
    """
    if len(search.trials(TrialState.COMPLETE)) < _FEWEST:
        return {}
    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from optuna.visualization.matplotlib import plot_parallel_coordinate, plot_param_importances

    drawn: dict[str, Any] = {"parallel_coordinates": plot_parallel_coordinate}
    if importances(search):
        drawn = {"importance": plot_param_importances, **drawn}
    files = {}
    for name, draw in drawn.items():
        with warnings.catch_warnings(), mpl.rc_context():  # Optuna sets a style for the process
            warnings.simplefilter("ignore")
            figure = draw(search.study, target_name=search.metric).figure
            figure.set_size_inches(9, 4.5)
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", dpi=120, bbox_inches="tight")
        plt.close("all")
        files[f"{name}.png"] = buffer.getvalue()
    return files


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
