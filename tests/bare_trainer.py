"""A Trainer that trains and writes nothing."""

from typing import Any

from lightning.pytorch import Trainer


def bare_trainer(**settings: Any) -> Trainer:
    return Trainer(
        accelerator="cpu",
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **{"max_epochs": 1, "logger": False, **settings},
    )
