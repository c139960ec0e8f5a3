"""What Lightning, torchmetrics and torch do not promise: every touch of it, in one place.

Each comment says why it is touched and, after "Wish:", what they would have to offer instead. The
test of this file names each attribute and fails when a new version of them lacks one.
"""

from collections.abc import Callable
from typing import Any

from lightning.fabric.utilities.data import _set_sampler_epoch
from lightning.fabric.utilities.distributed import DistributedSamplerWrapper
from lightning.fabric.utilities.logger import _convert_params, _flatten_dict
from lightning.pytorch import Callback, LightningDataModule, Trainer
from lightning.pytorch.loggers import CSVLogger, MLFlowLogger, TensorBoardLogger, WandbLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from lightning.pytorch.strategies.launchers import _MultiProcessingLauncher
from lightning.pytorch.utilities import CombinedLoader
from lightning.pytorch.utilities.combined_loader import _shutdown_workers_and_reset_iterator
from torchmetrics import Metric
from typing_extensions import override

_COUNT = range(2**63)
_DONE = {"completed": _COUNT, "processed": _COUNT, str: _COUNT}
# Shape of `loops` in a checkpoint. Wish: it is documented.
LOOPS = {
    "fit_loop": {
        "state_dict": {"combined_loader?": [object]},
        "epoch_progress": {"current": _DONE, "total": _DONE},
        "epoch_loop.state_dict": {"_batches_that_stepped": _COUNT},
        "epoch_loop.batch_progress": {"current": _DONE, "total": _DONE, "is_last_batch": bool},
    }
}

# Settings of the Trainer, which it has and does not declare. Wish: it declares them.


def callbacks_of(trainer: Trainer) -> list[Callback]:
    """Give the callbacks of a trainer: its own list, which may be changed."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return callbacks


def data_of(trainer: Trainer) -> LightningDataModule | None:
    """Give the data module of a trainer; None where the module brings its own loaders."""
    data: LightningDataModule | None = trainer.datamodule  # type: ignore[attr-defined]
    return data


def profiler_of(trainer: Trainer) -> Any:
    """Give the profiler of a trainer."""
    return trainer.profiler  # type: ignore[attr-defined]


def reload_interval(trainer: Trainer) -> int:
    """Tell after how many epochs the loaders are made anew; 0 is never."""
    return int(trainer.reload_dataloaders_every_n_epochs)  # type: ignore[attr-defined]


def log_interval(trainer: Trainer) -> int:
    """Tell after how many steps a run may wait for the device or for other processes."""
    return max(int(trainer.log_every_n_steps), 1)  # type: ignore[attr-defined]


def logs_at(trainer: Trainer, step: int) -> bool:
    """Tell whether the curves of a run have a point after that many steps."""
    steps: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
    return steps > 0 and step % steps == 0


# Progress: where a run is, and where it goes on. Wish: `Trainer.next_batch`, which a checkpoint
# holds and a resumed run begins with.


def next_position(trainer: Trainer) -> tuple[int, int]:
    """Count the epochs, and the batches of an epoch, before the batch that is read next."""
    loop: Any = trainer.fit_loop  # its trackers are typed as their base class
    progress = loop.epoch_loop.batch_progress
    if progress.is_last_batch and progress.current.ready == progress.current.processed:
        return loop.epoch_progress.current.ready, 0
    batch = max(progress.current.processed, progress.current.completed)
    return loop.epoch_progress.current.processed, batch


def batches_done(trainer: Trainer) -> int:
    """Count the batches of a training so far, which no optimizer step need have followed."""
    return trainer.fit_loop.epoch_loop.batch_progress.total.completed


def ends_in_epoch(trainer: Trainer) -> bool:
    """Tell whether training, whose epoch loop has ended, leaves batches of the epoch."""
    progress = trainer.fit_loop.epoch_loop.batch_progress
    return not progress.is_last_batch and progress.current.ready < trainer.num_training_batches


def ended_early(trainer: Trainer) -> bool:
    """Tell whether a callback ends the training, and not a signal."""
    return trainer.should_stop and trainer.fit_loop._can_stop_early


def epochs_done(checkpoint: dict[str, Any]) -> int:
    """Count the epochs that a checkpoint has gone through."""
    return int(checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"])


def saved_position(checkpoint: dict[str, Any]) -> tuple[int, int]:
    """Count the epochs, and the batches of an epoch, before the batch that a checkpoint reads."""
    loop = checkpoint["loops"]["fit_loop"]
    epochs, batches = loop["epoch_progress"], loop["epoch_loop.batch_progress"]
    return epochs["current"]["completed"], batches["current"]["completed"]


def has_reached(trainer: Trainer, checkpoint: dict[str, Any]) -> bool:
    """Tell whether a training has done the batches and ended the epochs that a checkpoint has."""
    here, there = trainer.fit_loop.state_dict(), checkpoint["loops"]["fit_loop"]
    parts = (("epoch_loop.batch_progress", "total"), ("epoch_progress", "current"))
    return all(here[p][k]["completed"] >= there[p][k]["completed"] for p, k in parts)


def point_to_next_batch(checkpoint: dict[str, Any]) -> bool:
    """Let a checkpoint resume at the next batch; False, and it does not, inside of a batch."""
    loop = checkpoint["loops"]["fit_loop"]
    batches, epochs = loop["epoch_loop.batch_progress"], loop["epoch_progress"]
    now, epoch = batches["current"], epochs["current"]
    whole_epochs = epoch["ready"] == epoch["completed"]
    at_start = now["ready"] == now["completed"] + 1 and now["processed"] == now["completed"]
    cut = not batches["is_last_batch"] and epoch["processed"] == epoch["completed"] + 1
    if not (whole_epochs or at_start or cut):
        return False
    done = 0 if whole_epochs else now["completed"]
    batches["is_last_batch"] = False
    batches["current"] = _about_to_begin(done)
    batches["total"] = _about_to_begin(batches["total"]["completed"])
    begun = epoch["completed"] + (done > 0)  # else the hooks of the epoch's start are still due
    for tracker in (epochs["current"], epochs["total"]):
        tracker |= {"ready": begun, "started": begun, "processed": epoch["completed"]}
        tracker["completed"] = epoch["completed"]
    return True


def _about_to_begin(done: int) -> dict[str, int]:
    return {"ready": done + 1, "started": done, "processed": done, "completed": done}


def correct_progress(trainer: Trainer, loops: dict[str, Any]) -> None:
    """Correct the progress restored from a checkpoint's `loops`, at the start of a batch."""
    loop: Any = trainer.fit_loop
    counted = loops["fit_loop"]["epoch_loop.state_dict"]["_batches_that_stepped"]
    loop.epoch_loop._batches_that_stepped = counted  # it counts one more step, or not
    total = loop.epoch_loop.batch_progress.total
    total.ready = total.completed + 1  # it has counted the batch at whose start it was saved
    loop._restarting = False  # else the schedule of epochs misses the end of this one


# Checkpoints and what Lightning logs.


def ignore_cluster_checkpoints(trainer: Trainer, ckpt_path: object) -> None:
    """Let `fit` and `test` start from what they are given."""
    # Else None takes, under SLURM, any hpc_ckpt_*.ckpt that lies about. Wish: None means none.
    trainer._checkpoint_connector._user_managed = ckpt_path is None


def checkpoint_content(trainer: Trainer) -> dict[str, Any]:
    """Give what a checkpoint of this moment holds."""
    # What cannot be saved is told before hours are spent. Wish: `Trainer.checkpoint_content()`.
    return trainer._checkpoint_connector.dump_checkpoint(weights_only=False)


def initial_hparams(owner: object) -> dict[str, Any]:
    """Give the hyper-parameters of a module that Lightning is about to log, to be changed."""
    # They may hold secrets. Wish: `save_hyperparameters(mask=...)`.
    return getattr(owner, "_hparams_initial", None) or {}


def logged_values(trainer: Trainer) -> list[tuple[str, Any]]:
    """List name and value of what the loop that runs has logged."""
    # A value may be a metric that knows its direction. Wish: `Trainer.logged`, by name.
    results: dict[str, Any] = trainer._results or {}
    return [(result.meta.name, result.value) for result in results.values()]


def add_updates(metric: Metric, updates: int) -> None:
    """Let a metric of torchmetrics count updates that it was given the states of."""
    # Wish: `Metric.merge_state` and `load_state_dict` count them.
    metric._update_count += updates
    metric._computed = None


def spawns(trainer: Trainer) -> bool:
    """Tell whether a trainer starts its processes by itself, as copies of this one."""
    # Wish: `Strategy.spawns`.
    return isinstance(trainer.strategy.launcher, _MultiProcessingLauncher)


# Loaders. Wish: `Trainer.wrap_loaders`, and a `CombinedLoader` that tells how it reads.
close_loader = _shutdown_workers_and_reset_iterator
set_sampler_epoch = _set_sampler_epoch


def wrap_loaders(trainer: Trainer, wrap: Callable[[Callable[[], Any], bool], Any]) -> None:
    """Replace what gives the loaders by what `wrap` makes of it, told whether it is training."""
    loop: Any = trainer.fit_loop
    for part, training in ((loop, True), (loop.epoch_loop.val_loop, False)):
        part._data_source.dataloader = wrap(part._data_source.dataloader, training)


def train_loaders(trainer: Trainer) -> CombinedLoader | None:
    """Give the loaders of training as they are read; None before they are made."""
    return trainer.fit_loop._combined_loader


def set_epoch_of_loaders(trainer: Trainer, epoch: int) -> None:
    """Say in which epoch the loaders of training were made, which Lightning does not restore."""
    trainer.fit_loop._last_train_dl_reload_epoch = epoch


def saved_loaders(checkpoint: dict[str, Any]) -> list[Any]:
    """List the states of loaders that have states of their own."""
    states: list[Any] = checkpoint["loops"]["fit_loop"]["state_dict"].get("combined_loader", [])
    return states


def mode_of(loader: CombinedLoader) -> Any:
    """Tell how several loaders are read together."""
    return loader._mode


def begun_anew(loader: CombinedLoader) -> list[bool]:
    """Give for each loader whether it has begun anew, to be changed; empty if none may."""
    return getattr(loader._iterator, "_consumed", [])


def read_through(loader: CombinedLoader, parts: list[Any]) -> Any:
    """Begin to read other loaders, as many, than those that a combined loader shows."""
    own, loader._flattened = loader._flattened, parts
    try:
        return CombinedLoader.__iter__(loader)
    finally:
        loader._flattened = own


def wrapped_sampler(sampler: DistributedSamplerWrapper) -> Any:
    """Give the sampler that Lightning divides among processes."""
    return sampler.dataset._sampler  # type: ignore[attr-defined]


# Loggers of a run that goes on. Wish: each takes its run's name and the step to go on at.


def set_version(logger: TensorBoardLogger | CSVLogger, version: int) -> None:
    """Give a logger the number of the run, unless the user has given it one."""
    if logger._version is None:
        logger._version = version


def purge_from(logger: TensorBoardLogger, step: int) -> None:
    """Let TensorBoard forget what was logged from a step on."""
    logger._kwargs.setdefault("purge_step", step)


class _ContinuedWriter(ExperimentWriter):
    """Lightning's writer of `metrics.csv`, which appends to the file and does not delete it."""

    @override
    def _check_log_dir_exists(self) -> None:
        pass


def continue_csv(logger: CSVLogger, names: list[str]) -> None:
    """Let a logger append to its file, whose columns have these names."""
    logger._experiment = _ContinuedWriter(logger.log_dir)
    logger._experiment.metrics_keys = names


def continue_wandb(logger: WandbLogger, name: str) -> None:
    """Let W&B's logger go on in a run, unless the user has named one."""
    if logger._id is None:
        logger._id = logger._wandb_init["id"] = name


def continue_mlflow(logger: MLFlowLogger, name: str) -> None:
    """Let MLflow's logger go on in a run, unless the user has named one or MLflow lacks it."""
    if logger._run_id is None:
        logger._run_id = name
        try:
            _ = logger.experiment
        except Exception:  # what it raises is known only where it is installed
            logger._run_id = None
            raise


def flat_params(params: Any) -> dict[str, Any]:
    """Flatten parameters as Lightning does before it logs them."""
    return _flatten_dict(_convert_params(params))


def schedules_inside(scheduler: Any) -> list[Any]:
    """Give all that `SequentialLR` and `ChainedScheduler` are made of. Wish: it is public."""
    parts = getattr(scheduler, "_schedulers", ())
    return [each for part in parts for each in (part, *schedules_inside(part))]
