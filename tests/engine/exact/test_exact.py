import pytest
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import Trainer
from lightning.pytorch.plugins import AsyncCheckpointIO

from src.engine.checkpoints.best_checkpoint import BestCheckpoint
from src.engine.checkpoints.checkpoint_file import WholeCheckpointIO
from src.engine.checkpoints.last_checkpoint import LastCheckpoint
from src.engine.exact.between_batches import BetweenBatches
from src.engine.exact.exact import make_exact


def test_state_is_saved_before_other_callbacks_act() -> None:
    best, last = BestCheckpoint(), LastCheckpoint()
    trainer = Trainer(accelerator="cpu", logger=False, callbacks=[best, last])
    make_exact(trainer, best, last)
    first = trainer.callbacks[0]
    assert isinstance(first, BetweenBatches)
    names = [action.__name__ for action in (first.at_once, *first.actions)]
    assert names == ["save_if_validated", "save_if_due", "stop_if_told"]
    assert type(trainer.strategy.checkpoint_io) is WholeCheckpointIO


def test_plugin_of_the_user_is_kept() -> None:
    class Own(TorchCheckpointIO):
        pass

    trainer = Trainer(accelerator="cpu", logger=False, plugins=Own(), enable_checkpointing=False)
    make_exact(trainer, BestCheckpoint(), LastCheckpoint())
    assert type(trainer.strategy.checkpoint_io) is Own
    assert len(trainer.callbacks[0].actions) == 1


def test_plugin_that_saves_later_is_refused() -> None:
    options = {"logger": False, "enable_checkpointing": False, "plugins": AsyncCheckpointIO()}
    with pytest.raises(ValueError, match="AsyncCheckpointIO may lose the state"):
        make_exact(Trainer(accelerator="cpu", **options), BestCheckpoint(), LastCheckpoint())
