"""What may change when a run continues, and what makes another run of it."""

from typing import Any, NamedTuple

from src.engine.lightning_compat import epochs_done
from src.engine.records.config_file import DATA_PLACES, READING, differing, settings

# What makes a run the experiment that it is.
_FIXED = (
    "seed_everything",
    "data",
    "model.network",
    "model.num_classes",
    "model.scheduler_interval",
    "trainer.accumulate_grad_batches",
    "trainer.default_root_dir",
    "trainer.limit_train_batches",
    "trainer.limit_val_batches",
    "trainer.overfit_batches",
    "best",
)
# What is in the places of data, the data set compares.
_MOVABLE = (*READING, "data.batch_size", *(f"data.{place}" for place in DATA_PLACES))
_ADDED = {"target": None, "test": True}  # settings that older configurations lack
_CLASSES = ("model", "model.optimizer", "model.scheduler")  # another class has another state


class Change(NamedTuple):
    """A setting that a resumed run has otherwise than its checkpoint.

    Attributes:
        name: Name on the command line, without dashes.
        before: Value in the checkpoint.
        now: Value of the command.
    """

    name: str
    before: Any
    now: Any


def changes(before: str, now: str) -> list[Change]:
    """List what differs between two configurations.

    Args:
        before: One as YAML.
        now: The other.

    Returns:
        The differences; a setting that one lacks is None there.
    """
    old, new = ({**_ADDED, **settings(config)} for config in (before, now))
    return [Change(name, *values) for name, values in differing(old, new).items()]


def refuse_other_experiment(found: list[Change]) -> None:
    """Refuse what would make of the rest of a run another experiment than its beginning.

    Args:
        found: Settings that differ.

    Raises:
        ValueError: Architecture, seed, data or what "best" means differs.
    """
    for name, before, now in found:
        fixed = any(f"{name}.".startswith(f"{part}.") for part in _FIXED)
        if name in _CLASSES or (fixed and name not in _MOVABLE):
            raise ValueError(
                f"--{name} cannot change in the middle of a run, from {before} to {now}: leave it, "
                "or begin a new run from these weights with --weights"
            )


def moves_end(found: list[Change]) -> bool:
    """Tell whether settings that differ can move the end of the training.

    Args:
        found: Settings that differ.

    Returns:
        True if a limit, a callback or the target is among them.
    """
    ends = {f"trainer.{name}" for name in ("max_epochs", "max_steps", "max_time", "callbacks")}
    return not (ends | {"target"}).isdisjoint(change.name for change in found)


def refuse_finished(checkpoint: dict[str, Any], now: dict[str, Any], found: list[Change]) -> None:
    """Say so when a checkpoint has already reached the end that is set for the training.

    Args:
        checkpoint: Content of the file.
        now: Settings; `max_epochs` and `max_steps` of None and -1 set no end.
        found: Settings that differ.

    Raises:
        ValueError: Nothing is left to train.
    """
    test = "" if now.get("test", True) else ", or test it with python -m src.evaluate"
    epochs, steps = epochs_done(checkpoint), checkpoint["global_step"]
    for done, unit in (epochs, "epoch"), (steps, "step"):
        end = now[f"trainer.max_{unit}s"]
        if end is not None and 0 <= end <= done:
            raise ValueError(
                f"nothing is left to do, the checkpoint has already reached its end, {unit} {done}:"
                f" give --trainer.max_{unit}s more than {done}{test}"
            )
    if checkpoint.get("ended") and not moves_end(found):
        raise ValueError(
            f"nothing is left to do, the training ended by itself at step {steps}: move its end, "
            f"--trainer.max_epochs or the callback or time that ended it{test}"
        )


def refuse_other_batch(before: dict[str, Any], now: dict[str, Any], processes: list[int]) -> None:
    """Refuse another number of images in a batch of all processes; the order would be another one.

    Args:
        before: Settings of the run so far, by their names.
        now: Settings that it shall have from here on.
        processes: Number of processes that share a batch, before and now.

    Raises:
        ValueError: The number differs.
    """
    name = "data.batch_size"
    if name not in before or name not in now:
        return  # a data set that calls it otherwise: its loader compares it
    if before[name] * processes[0] != now[name] * processes[1]:
        raise ValueError(
            f"--{name} cannot change in the middle of a run: it was {before[name]} in each of "
            f"{processes[0]} processes and would be {now[name]} in {processes[1]}"
        )
