"""The same random numbers in a step, whatever happened before it."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from src.engine.seed import derive_seed, run_seed, seed_generators


class StepSeed(Callback):
    """Seed each training step, for dropout and the like, by its place and its process."""

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        same = trainer.strategy.broadcast(run_seed()) == run_seed()
        if not trainer.strategy.reduce_boolean_decision(same):
            raise ValueError(
                "the processes of this run drew different seeds: give --seed_everything a number"
            )

    @override
    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        key = run_seed(), trainer.current_epoch, batch_idx, trainer.global_rank
        seed_generators(derive_seed("step", *key), pl_module.device)
