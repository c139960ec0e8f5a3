"""Weights that come from elsewhere, and what must not go into a checkpoint."""

from collections.abc import Mapping

from lightning.pytorch import LightningDataModule, LightningModule
from torch import Tensor

from src.experiment.checkpoint_file import load_plain, unsafe_entries

_MANY = 3


def load_weights(model: LightningModule, path: str) -> None:
    """Begin with the weights of another run.

    Args:
        model: Task whose weights are replaced.
        path: A checkpoint, or the weights of the task's `network` alone, such as `model.pt`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no weights, or those of another network.
    """
    content = load_plain(path)
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        raise ValueError(f"--weights {path} holds no weights: give a .ckpt or model.pt of a run")
    whole = model.state_dict()
    if not set(content) & set(whole):
        content = {f"network.{name}": value for name, value in content.items()}
    if problem := _mismatch(whole, content):
        raise ValueError(f"--weights {path} are of another network: {problem}")
    model.load_state_dict(content)


def refuse_other_network(model: LightningModule, saved: Mapping[str, Tensor]) -> None:
    """Say in one line why the weights of a checkpoint do not fit.

    Args:
        model: Task that the run has now.
        saved: Weights in the checkpoint, by name.

    Raises:
        ValueError: A tensor is missing, is too many or has another shape.
    """
    if problem := _mismatch(model.state_dict(), saved):
        raise ValueError(f"the network has changed since the checkpoint was saved: {problem}")


def refuse_unsafe(model: LightningModule, data: LightningDataModule) -> None:
    """Refuse hyper-parameters that could not be read from a checkpoint without executing code.

    Args:
        model: Task of the run.
        data: Its data set.

    Raises:
        ValueError: One is neither a tensor nor a plain value.
    """
    for owner in (model, data):
        for name, kind in unsafe_entries(dict(owner.hparams)):
            raise ValueError(
                f"hyper-parameter {name} of {type(owner).__name__} is a {kind}, and no checkpoint "
                "gives that back safely: save a string or a number instead"
            )


def _mismatch(here: Mapping[str, Tensor], there: Mapping[str, Tensor]) -> str:
    found = [f"{name} is missing there" for name in here if name not in there]
    found += [f"{name} is not known here" for name in there if name not in here]
    found += [
        f"{name} is {tuple(there[name].shape)} there and {tuple(value.shape)} here"
        for name, value in here.items()
        if name in there and value.shape != there[name].shape
    ]
    more = f", and {len(found) - _MANY} more" if len(found) > _MANY else ""
    return ", ".join(found[:_MANY]) + more
