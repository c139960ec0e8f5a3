import pytest
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import Trainer
from lightning.pytorch.plugins import AsyncCheckpointIO

from src.engine.checkpoints.checkpoint_file import WholeCheckpointIO
from src.engine.exact.exact import make_exact

PLAIN = {"accelerator": "cpu", "logger": False, "enable_checkpointing": False}


def test_checkpoints_are_whole() -> None:
    trainer = Trainer(**PLAIN)
    make_exact(trainer)
    assert type(trainer.strategy.checkpoint_io) is WholeCheckpointIO


def test_plugin_of_the_user_is_kept() -> None:
    class Own(TorchCheckpointIO):
        pass

    trainer = Trainer(**PLAIN, plugins=Own())
    make_exact(trainer)
    assert type(trainer.strategy.checkpoint_io) is Own


def test_plugin_that_saves_later_is_refused() -> None:
    with pytest.raises(ValueError, match="AsyncCheckpointIO may lose the state"):
        make_exact(Trainer(**PLAIN, plugins=AsyncCheckpointIO()))
