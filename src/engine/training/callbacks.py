"""The one list of a run's callbacks, in its order; each line says why it stands there."""

from collections.abc import Iterable, Sequence
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import BatchSizeFinder, Checkpoint, LearningRateFinder

from src.engine.checkpoints.best_checkpoint import BestCheckpoint
from src.engine.checkpoints.last_checkpoint import LastCheckpoint
from src.engine.console.progress import own_bar
from src.engine.console.summary import own_summary
from src.engine.exact.apply_changes import ApplyChanges
from src.engine.exact.epoch_metrics import EpochMetrics
from src.engine.exact.exact_dataloader import ExactDataLoaders
from src.engine.exact.finite import FiniteGuard
from src.engine.exact.flags import Flags
from src.engine.exact.graceful_stop import GracefulStop
from src.engine.exact.module_state import ModuleState
from src.engine.exact.plateau import PlateauSteps
from src.engine.exact.safe_point import Action, SafePoint
from src.engine.exact.step_seed import StepSeed
from src.engine.lightning_compat import callbacks_of
from src.engine.records.changes import Change
from src.engine.records.known_metrics import KnownMetrics

_FINDERS = {  # what changes a setting that the record of the run has already, and what does not
    BatchSizeFinder: "give --data.batch_size, the largest that fits in memory",
    LearningRateFinder: "search the learning rate with python -m src.sweep",
}


def add_callbacks(trainer: Trainer, module: LightningModule) -> list[Callback]:
    """Put the callbacks that a module brings among the trainer's; Lightning does so in each stage.

    As there, each takes the place of those of its own class, and checkpoints come last.

    Args:
        trainer: Trainer of the run.
        module: Module that may bring some; brings them no more.

    Returns:
        The callbacks of the module.

    Raises:
        ValueError: One of them all would train otherwise than the run has recorded.
    """
    module.trainer = trainer
    brought = module.configure_callbacks() or []
    own = [brought] if isinstance(brought, Callback) else [*brought]
    module.configure_callbacks = list  # type: ignore[method-assign]  # Lightning asks again
    replaced = {kind for each in own for kind in type(each).__mro__} - {Callback}
    given = callbacks_of(trainer)
    kept = [*(each for each in given if type(each) not in replaced), *own]
    for callback in kept:
        for kind, how in _FINDERS.items():
            if isinstance(callback, kind):
                name = type(callback).__name__
                raise ValueError(f"{name} changes a setting after it has been recorded: {how}")
    kept.sort(key=lambda each: isinstance(each, Checkpoint))
    given[:] = kept
    return own


def arrange(
    trainer: Trainer,
    best: BestCheckpoint,
    last: LastCheckpoint,
    known: KnownMetrics | None = None,
    writing: Iterable[Callback | None] = (),
    actions: Iterable[Action] = (),
    chosen: Sequence[Any] = (),
    changes: Sequence[Change] = (),
) -> None:
    """Put every callback of a run into its place, once the Trainer has its own.

    Args:
        trainer: Trainer of the run, with the user's callbacks and Lightning's.
        best: Saves the best state, if it is one of the trainer's callbacks.
        last: Saves the latest state, likewise.
        known: What is known of the metrics of the run.
        writing: What writes down the run: its record, what counts its seconds, what ends it at a
            target. None of it in a `fast_dev_run`, which writes nothing; what is None is left out.
        actions: What else is done between two batches.
        chosen: Callbacks that the user chose; a bar or a table of layers among them stays.
        changes: Settings that a run that goes on has otherwise from here on.
    """
    own_bar(trainer, chosen)
    own_summary(trainer, chosen)
    given = callbacks_of(trainer)
    stop, state = GracefulStop(last), ModuleState()
    saves = last in given  # not without checkpointing
    given[:] = [
        # Refuses a watcher of the wrong direction before that has seen a value.
        *([known] if known else []),
        # What is saved between two batches holds nothing that others do at a batch's start.
        SafePoint(
            *([last.save_if_due] if saves else []),
            stop.stop_if_told,
            *actions,
            at_once=best.save_if_validated if saves else None,
            resume=state.go_on,
        ),
        ExactDataLoaders(),  # gives loaders their place back before anything is read
        StepSeed(),  # after the state is saved, before anyone may draw a random number
        EpochMetrics(),  # gives metrics back before who monitors them looks
        PlateauSteps(),  # knows which of the values that were just given back were seen
        Flags(),  # freezes again what a run had frozen, before callbacks go on with that
        ApplyChanges(changes),  # sees what was configured, and sets it, before others change it
        state,  # sets attributes again before a hook of the module or of the user reads them
        FiniteGuard(),  # raises before anybody acts on what is not finite
        stop,  # takes the signals once training begins; called by the second one
        *given,  # the user's, who see all of the above; Lightning's bar, summary and checkpoints
        *filter(None, writing),  # see what all others did, and stop last
    ]


def early_end(trainer: Trainer) -> str:
    """Say why callbacks have ended a training before its end, in their own words.

    Args:
        trainer: Trainer that has trained, and tested nothing yet.

    Returns:
        Their reasons; empty if it has gone to its end.
    """
    reasons = [getattr(each, "stopping_reason_message", None) for each in callbacks_of(trainer)]
    said = "; ".join(filter(None, reasons)) if trainer.should_stop else ""
    return said.replace(" Signaling Trainer to stop.", "").rstrip(".")
