"""The callbacks that write down a run while it goes on."""

from lightning.pytorch import Callback, Trainer

from src.experiment.apply_changes import ApplyChanges
from src.experiment.heartbeat import Heartbeat
from src.experiment.record import Record
from src.experiment.resume import Resumed
from src.experiment.run import Run
from src.experiment.target import Target


def add_recorders(
    trainer: Trainer,
    run: Run,
    record: Record,
    target: str | None,
    resumed: Resumed | None,
) -> tuple[Heartbeat, Target | None]:
    """Give a trainer the callbacks that write down its run, after all others.

    Args:
        trainer: Trainer of the run.
        run: Its folders.
        record: Writes what the run is.
        target: Value of a metric at which training ends, or None.
        resumed: The run so far, if it continues.

    Returns:
        What counts its seconds, and what ends it at the target, or None.
    """
    heartbeat = Heartbeat(run.log_dir)
    added: list[Callback] = [record, heartbeat]
    if resumed:
        record.sessions = resumed.checkpoint["provenance"]
        record.changes = resumed.changes
        added.append(ApplyChanges(resumed.changes))
    ending = Target(target, heartbeat) if target else None
    trainer.callbacks += [*added, ending] if ending else added  # type: ignore[attr-defined]
    return heartbeat, ending
