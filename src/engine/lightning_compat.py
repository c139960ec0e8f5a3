"""What Lightning does not promise, in one place."""

from lightning.pytorch import Trainer


def log_interval(trainer: Trainer) -> int:
    """Tell how often a run may wait for the device or for other processes.

    Args:
        trainer: Trainer of the run.

    Returns:
        Steps between two points of the curves, at least 1.
    """
    steps: int = trainer.log_every_n_steps  # type: ignore[attr-defined]  # undeclared
    return max(steps, 1)
