"""The callbacks that write down a run while it goes on."""

from lightning.pytorch import Callback, Trainer

from src.engine.exact.apply_changes import ApplyChanges
from src.engine.exact.resume import Resumed
from src.engine.records.heartbeat import Heartbeat
from src.engine.records.record import Record
from src.engine.training.target import Target


def add_recorders(
    trainer: Trainer,
    record: Record,
    heartbeat: Heartbeat,
    ending: Target | None,
    resumed: Resumed | None,
) -> None:
    """Give a trainer the callbacks that write down its run, after all others.

    Args:
        trainer: Trainer of the run.
        record: Writes what the run is.
        heartbeat: Counts its seconds.
        ending: Ends it at the value of a metric, or None.
        resumed: The run so far, if it continues.
    """
    added: list[Callback] = [record, heartbeat]
    if resumed:
        record.sessions = resumed.checkpoint["provenance"]
        record.changes = resumed.changes
        added.append(ApplyChanges(resumed.changes))
    trainer.callbacks += [*added, ending] if ending else added  # type: ignore[attr-defined]
