"""Which value of each metric is best, as the task or the metric itself says."""

import re
from collections.abc import Iterable, Iterator

from lightning.pytorch import Callback, LightningModule, Trainer
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torchmetrics import Metric as TorchMetric
from typing_extensions import override

from src.engine.console.failure import UsageError
from src.engine.lightning_compat import callbacks_of, logged_values
from src.engine.records.metric import Metric, Mode, ends, headline_of, published, test_name

_LOADER = re.compile(r"/dataloader_idx_\d+$")
_WAY = re.compile(r"_(step|epoch)$")  # added to a name that is logged in both ways
_OPTIONS = {"BestCheckpoint": "--best.monitor", "Target": "--target"}


class KnownMetrics(Callback):
    """Know which value of a metric is best; it is never guessed.

    A task publishes it, or a torchmetrics object that is logged has `higher_is_better`, or the
    command says it.

    Args:
        task: Task of the run.

    Attributes:
        metrics: What is known, by name.
        headline: Metric that the task publishes for the choice of its best state; None if it does
            not.
        wanted: Metrics whose best value somebody must know, with the option that would tell it.
        best: Callback that takes its mode from here, which cannot be a wrong one.
        chosen: Metric that chooses the best state; None if there is none.
    """

    def __init__(self, task: LightningModule) -> None:
        self.metrics = published(task)
        self.headline = headline_of(task)
        self.wanted: dict[str, str] = {}
        self.best: Callback | None = None
        self.chosen: str | None = None
        self._said: dict[str, Mode] = {}

    def get(self, name: str) -> Metric | None:
        """Look a metric up.

        Args:
            name: As it is logged, or as one of several loaders has it.

        Returns:
            What is known of it; None if it is not known which value is best.
        """
        found = self.metrics.get(_LOADER.sub("", name))
        return found and found._replace(name=name)

    def say(self, name: str, mode: Mode) -> None:
        """Take the user's word for a metric that does not speak for itself.

        Args:
            name: As it is logged.
            mode: Which value is best.
        """
        known = self.get(name)
        self._said[name] = mode
        self.metrics[name] = known._replace(mode=mode) if known else Metric(name, mode)

    @override
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.compare(trainer)  # schedules are there now, and what a checkpoint tells

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._refuse_unlogged(trainer)
        before, logged = len(self.metrics), _logged_modes(trainer)
        for name, mode in self._said.items():
            if logged.get(_LOADER.sub("", name), mode) != mode:
                raise UsageError(
                    f"{name} was said to be best at its {ends(mode)[0]} value, and the metric "
                    f"says at its {ends(mode)[1]}"
                )
        for name, mode in logged.items():
            self.metrics.setdefault(name, Metric(name, mode))
        for name, how in self.wanted.items():
            if name in trainer.callback_metrics and self.get(name) is None:
                raise UsageError(f"which value of {name} is best is not known: {how}")
        if len(self.metrics) > before:
            self.compare(trainer)

    def compare(self, trainer: Trainer) -> None:
        """Refuse a callback or a schedule that takes the worst value of a metric for the best.

        Args:
            trainer: Trainer of the run.

        Raises:
            UsageError: There is such a one; Lightning's default of `mode` is `min`.
        """
        for watcher, monitor, mode in _watchers(trainer):
            known = None if watcher is self.best else self.get(monitor)
            if known and mode in ("min", "max") and mode != known.mode:
                name, best = type(watcher).__name__, ends(known.mode)[0]
                raise UsageError(
                    f"{name} watches {monitor} with mode {mode}, and its {best} value is best: "
                    f"give it mode {known.mode}"
                )

    def _refuse_unlogged(self, trainer: Trainer) -> None:
        """Refuse, before hours are spent, a metric of the validation that this does not log.

        Whatever does not begin with `val` may be logged in training.
        """
        logged = {name for name, _ in logged_values(trainer)}
        if trainer.sanity_checking and not logged:
            return  # a module may keep silent until it counts
        for watcher, monitor, _ in _watchers(trainer):
            early = trainer.sanity_checking or watcher is self.best
            found = not logged.isdisjoint((name := _LOADER.sub("", monitor), _WAY.sub("", name)))
            if early and not found and test_name(monitor) != monitor:
                later = "; if it comes later, give --trainer.num_sanity_val_steps 0"
                raise UsageError(
                    f"{_option(watcher)} {monitor} is not logged in validation, "
                    f"{only(logged)}{later if trainer.sanity_checking else ''}"
                )

    def refuse_missed(self, trainer: Trainer, error: Exception) -> None:
        """Refuse a metric that nobody has logged, if that has ended a training.

        Args:
            trainer: Trainer of the run.
            error: What ended it.

        Raises:
            UsageError: A callback of Lightning has said, in words of its own, that it missed it.
        """
        logged = trainer.callback_metrics
        for watcher, monitor, _ in _watchers(trainer):
            if monitor not in logged and re.search(f"['`]{re.escape(monitor)}['`]", str(error)):
                raise UsageError(
                    f"{_option(watcher)} {monitor} is not logged, {only(logged)}"
                ) from error


def validated(trainer: Trainer) -> dict[str, float]:
    """List what a validation has logged, whatever it is called.

    Args:
        trainer: Trainer at the end of a validation.

    Returns:
        Value by name.
    """
    logged = {name for name, _ in logged_values(trainer)}
    return {
        name: value.item()
        for name, value in trainer.callback_metrics.items()
        if _LOADER.sub("", name) in logged
    }


def _option(watcher: object) -> str:
    """Name the option that says which metric is watched."""
    kind = type(watcher).__name__
    return _OPTIONS.get(kind, f"{kind}: monitor")


def only(logged: Iterable[str]) -> str:
    """Say which metrics there are, after one that there is not."""
    return f"only {names}" if (names := ", ".join(sorted(logged))) else "nothing is"


def _logged_modes(trainer: Trainer) -> dict[str, Mode]:
    """List the modes of the logged torchmetrics objects that know their own."""
    found: dict[str, Mode] = {}
    for name, value in logged_values(trainer):
        higher = getattr(value, "higher_is_better", None)
        if isinstance(value, TorchMetric) and higher is not None:
            found |= dict.fromkeys((name, f"{name}_epoch"), "max" if higher else "min")
    return found


def _watchers(trainer: Trainer) -> Iterator[tuple[object, str, str]]:
    """List who watches a metric: callback or schedule, the metric, and the mode."""
    for callback in callbacks_of(trainer):
        if isinstance(monitor := getattr(callback, "monitor", None), str):
            yield callback, monitor, getattr(callback, "mode", "")
    for config in trainer.lr_scheduler_configs if trainer.optimizers else ():
        if isinstance(config.scheduler, ReduceLROnPlateau) and config.monitor:
            yield config.scheduler, config.monitor, config.scheduler.mode
