from pathlib import Path
from types import SimpleNamespace

import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from src.callbacks.board import board_of


def test_board_is_found_among_other_loggers(tmp_path: Path) -> None:
    board = TensorBoardLogger(tmp_path)
    assert board_of(Trainer(logger=[CSVLogger(tmp_path), board], accelerator="cpu")) is board


@pytest.mark.parametrize("writes", [True, False])
def test_first_board_is_that_of_the_process_that_writes(tmp_path: Path, writes: bool) -> None:
    boards = [TensorBoardLogger(tmp_path / name) for name in "ab"]
    trainer = SimpleNamespace(loggers=boards, is_global_zero=writes)
    assert board_of(trainer) is (boards[0] if writes else None)


def test_run_without_tensorboard_has_none(tmp_path: Path) -> None:
    assert board_of(Trainer(logger=CSVLogger(tmp_path), accelerator="cpu")) is None
