"""How far a run is, told to other processes."""

import math
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.types import STEP_OUTPUT
from typing_extensions import override

from src.engine.files.atomic_write import write_json
from src.engine.lightning_compat import batches_done
from src.engine.records.known_metrics import validated
from src.engine.records.totals import count_samples

COUNTED = ("step", "epoch", "seconds", "samples")  # of each validation, beside its metrics
_EVERY_S = 1.0


class Heartbeat(Callback):
    """Write `progress.json` to a run's folder, each second and after each validation.

    Args:
        folder: Folder of the run's records.

    Attributes:
        seconds: Time in training and validation, over all sessions of the run [s].
        seconds_before: The same before this session.
        samples: Training samples seen, over all processes; batches that do not tell count none.
        fitting: Whether the trainer trains; a test brings the states of the best checkpoint back.
        validations: Step, `epoch`, `seconds`, `samples` and the metrics of each one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seconds = 0.0
        self.samples = 0
        self.validations: list[dict[str, float]] = []
        self.seconds_before = 0.0
        self._since = self._written = 0.0
        self.fitting = False

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self.fitting = stage == "fit"

    @override
    def state_dict(self) -> dict[str, Any]:
        self._count_time()
        return {name: getattr(self, name) for name in ("seconds", "samples", "validations")}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if self.fitting:
            self.seconds, self.validations = state_dict["seconds"], state_dict["validations"]
            self.samples = state_dict.get("samples", state_dict.get("images", 0))  # of older runs
            self.seconds_before = self.seconds

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._since = time.perf_counter()
        if trainer.is_global_zero:
            (self.folder / "traceback.txt").unlink(missing_ok=True)  # of a session before this one
        self._write(trainer)

    @override
    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,
        batch_idx: int,
    ) -> None:
        self.samples += (count_samples(batch, pl_module) or 0) * trainer.world_size
        if time.perf_counter() - self._written >= _EVERY_S:
            self._write(trainer)

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking or not self.fitting:
            return
        self._count_time()
        self.validations.append(
            {
                **validated(trainer),
                "step": trainer.global_step,
                "epoch": trainer.current_epoch + 1,
                "seconds": self.seconds,
                "samples": self.samples,
            }
        )
        self._write(trainer)

    @override
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._write(trainer)

    def _count_time(self) -> None:
        if self._since:
            now = time.perf_counter()
            self.seconds += now - self._since
            self._since = now

    def _write(self, trainer: Trainer) -> None:
        self._written = time.perf_counter()
        if not trainer.is_global_zero:
            return
        content = {"step": trainer.global_step, "steps": _steps(trainer), **self.state_dict()}
        with suppress(OSError):  # what only informs must not end a run; the checkpoint has it, too
            write_json(self.folder / "progress.json", content, sync=False, indent=None)


def _steps(trainer: Trainer) -> int | None:
    """Tell at which step the training will end, if that is known."""
    steps = math.inf if trainer.max_steps < 0 else trainer.max_steps
    if trainer.max_epochs is not None and trainer.max_epochs >= 0:
        steps = min(steps, _steps_of_epoch(trainer) * trainer.max_epochs)
    return None if math.isinf(steps) else int(steps)


def _steps_of_epoch(trainer: Trainer) -> float:
    """Count the optimizer steps of an epoch; a module that takes them itself goes on as it did."""
    batches = float(trainer.num_training_batches)
    if trainer.lightning_module.automatic_optimization:
        batches /= trainer.accumulate_grad_batches
        return batches if math.isinf(batches) else math.ceil(batches)
    done = batches_done(trainer)
    return batches * trainer.global_step / done if done and trainer.global_step else math.inf
