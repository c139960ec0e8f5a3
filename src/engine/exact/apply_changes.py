"""Settings that change when a run continues, against the states that bring the old ones back."""

import math
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from typing_extensions import override

from src.engine.console.failure import UsageError
from src.engine.lightning_compat import callbacks_of, schedules_inside
from src.engine.records.changes import Change, moves_end

_Settings = dict[str, dict[str, Any]]
_NO_SETTINGS = {"params", "last_epoch", "_step_count", "_last_lr"}


class ApplyChanges(Callback):
    """Let new settings of optimizer and schedule win over those that their saved states bring back.

    Which ones are new is seen by what `configure_optimizers` has made, in the run before and now:
    whatever a module calls its settings.

    Args:
        found: Settings that differ; none in a new run.
    """

    def __init__(self, found: Sequence[Change] = ()) -> None:
        self.found = [*found]
        self._made: _Settings = {}
        self._before: _Settings | None = None

    @override
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._made = {name: _plain(place) for name, place in _places(trainer)}

    @override
    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint["configured"] = self._made

    @override
    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if trainer.training:  # a run that ended by itself has ended, unless its end was moved
            trainer.should_stop = checkpoint.get("ended", False) and not moves_end(self.found)
            self._before = checkpoint.get("configured")

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        changed = [change for change in self.found if change.name.startswith("model.")]
        places = dict(_places(trainer))
        for change in changed:
            _refuse_unknown(change, [*places.values()], told=self._before is not None)
        for name, place in places.items() if changed else ():
            _set((self._before or {}).get(name, {}), self._made.get(name, {}), place)
        for change in self.found:
            if change.name == "trainer.callbacks":
                _set_callbacks(change, callbacks_of(trainer))


def _places(trainer: Trainer) -> Iterator[tuple[str, dict[str, Any]]]:
    """List where settings of optimizers and schedules are, each place with a name."""
    for number, optimizer in enumerate(trainer.optimizers):
        for group, settings in enumerate(optimizer.param_groups):
            yield f"optimizer {number}.{group}", settings
    for number, config in enumerate(trainer.lr_scheduler_configs):
        for part, scheduler in enumerate([config.scheduler, *schedules_inside(config.scheduler)]):
            yield f"schedule {number}.{part}", vars(scheduler)


def _plain(place: dict[str, Any]) -> dict[str, Any]:
    settings = {key: value for key, value in place.items() if key not in _NO_SETTINGS}
    return {key: deepcopy(value) for key, value in settings.items() if _is_plain(value)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict | list | tuple):
        return all(map(_is_plain, value.values() if isinstance(value, dict) else value))
    if isinstance(value, Tensor):
        return value.numel() == 1  # a learning rate on the device
    return isinstance(value, bool | int | float | str | None)


def _refuse_unknown(change: Change, places: list[dict[str, Any]], told: bool) -> None:
    """Refuse a setting that cannot take effect, or of which nobody could tell."""
    part, _, key = change.name.rpartition(".")
    ours = part in ("model.optimizer", "model.scheduler")
    if not told or (ours and not any(key in place for place in places)):
        why = "" if told else ", which an older version began"
        raise UsageError(f"--{change.name} cannot change in the middle of a run{why}: leave it")


def _set(before: dict[str, Any], now: dict[str, Any], place: dict[str, Any]) -> None:
    new = {key: value for key, value in now.items() if before.get(key, value) != value}
    base = "initial_lr" if "initial_lr" in now else "lr"
    if base in new:  # as far as its schedule has brought it
        zero = math.isclose(before[base], 0)
        new["lr"] = now[base] if zero else place["lr"] * now[base] / before[base]
    else:
        new.pop("lr", None)
    for key, value in new.items():
        place[key] = value


def _set_callbacks(change: Change, callbacks: list[Callback]) -> None:
    """Give callbacks again what the command says, where their saved state brought it back."""
    before = {entry["class_path"]: entry for entry in _listed(change.before)}
    for entry in _listed(change.now):
        old = before.get(entry["class_path"], {}).get("init_args", {})
        for callback in callbacks:
            if type(callback).__name__ == entry["class_path"].rpartition(".")[2]:
                for key, value in entry.get("init_args", {}).items():
                    if key in vars(callback) and old.get(key) != value:
                        setattr(callback, key, value)


def _listed(callbacks: Any) -> list[dict[str, Any]]:
    return callbacks if isinstance(callbacks, list) else []
