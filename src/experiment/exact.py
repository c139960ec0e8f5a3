"""What makes a run exact: the same bits, however often it was stopped."""

from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import Trainer

from src.experiment.best_checkpoint import BestCheckpoint
from src.experiment.between_batches import Action, BetweenBatches
from src.experiment.checkpoint_file import WholeCheckpointIO
from src.experiment.epoch_metrics import EpochMetrics
from src.experiment.finite import FiniteGuard
from src.experiment.graceful_stop import GracefulStop
from src.experiment.last_checkpoint import LastCheckpoint
from src.experiment.step_seed import StepSeed


def make_exact(trainer: Trainer, best: BestCheckpoint, last: LastCheckpoint) -> None:
    """Give a trainer what a run needs to be stopped at any time and to go on as if it had not been.

    Args:
        trainer: Trainer of the run.
        best: Saves the best state, if it is one of the trainer's callbacks.
        last: Saves the latest state, likewise.
    """
    stop = GracefulStop(last)
    actions: list[Action] = [stop.stop_if_told]
    if last in trainer.callbacks:  # type: ignore[attr-defined]  # undeclared
        actions = [best.save_if_validated, last.save_if_due, stop.stop_if_told]
    trainer.callbacks[:0] = [  # type: ignore[attr-defined]
        BetweenBatches(*actions),
        StepSeed(),
        EpochMetrics(),
        FiniteGuard(),
        stop,
    ]
    if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
        trainer.strategy.checkpoint_io = WholeCheckpointIO()
