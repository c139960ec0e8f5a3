"""Lightning's handlers of signals, which are left out."""

from lightning.pytorch import Trainer


def keep_handlers(trainer: Trainer) -> None:
    """Let a trainer set no handlers of signals; after each stage those from before it are back.

    Lightning's stop a run only after it has begun, and until then wait for the other processes,
    which may wait as well. Wish: `Trainer(handle_signals=False)`.

    Args:
        trainer: Trainer of the run.
    """
    connector = trainer._signal_connector

    def remember() -> None:
        connector._original_handlers = connector._get_current_signal_handlers()

    connector.register_signal_handlers = remember  # type: ignore[method-assign]
