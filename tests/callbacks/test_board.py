from pathlib import Path

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from src.callbacks.board import board_of


def test_board_is_found_among_other_loggers(tmp_path: Path) -> None:
    board = TensorBoardLogger(tmp_path)
    assert board_of(Trainer(logger=[CSVLogger(tmp_path), board], accelerator="cpu")) is board


def test_run_without_tensorboard_has_none(tmp_path: Path) -> None:
    assert board_of(Trainer(logger=CSVLogger(tmp_path), accelerator="cpu")) is None
