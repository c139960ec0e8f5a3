from pathlib import Path

import torch

from src.experiment.best_checkpoint import BestCheckpoint
from src.experiment.checkpoint_file import read_checkpoint
from tests.conftest import Train


def test_best_state_can_be_resumed_exactly(train: Train) -> None:
    train("--trainer.max_epochs=1")
    state = read_checkpoint("checkpoints/version_0/best.ckpt")
    assert state["between_batches"]
    assert state["metrics"]["val/acc"] > 0


def test_memory_of_the_best_moves_with_its_file(tmp_path: Path) -> None:
    saved = BestCheckpoint()
    saved.dirpath = "/gone"
    saved.best_model_path = saved.kth_best_model_path = "/gone/best.ckpt"
    saved.best_model_score = saved.kth_value = torch.tensor(0.5)
    saved.best_k_models = {"/gone/best.ckpt": torch.tensor(0.5)}
    moved = BestCheckpoint()
    moved.dirpath = str(tmp_path)
    moved.load_state_dict(saved.state_dict())
    assert moved.best_model_path == ""  # the file did not come along
    (tmp_path / "best.ckpt").touch()
    moved.load_state_dict(saved.state_dict())
    assert moved.best_model_path == str(tmp_path / "best.ckpt")
    assert moved.best_model_score == 0.5
