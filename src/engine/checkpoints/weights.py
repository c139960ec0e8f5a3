"""Weights that come from elsewhere, and what must not go into a checkpoint."""

from collections.abc import Mapping
from pathlib import Path

from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor

from src.engine.checkpoints.digest import digest
from src.engine.files.plain_file import load_plain

_MANY = 3


def load_weights(model: LightningModule, path: str) -> str:
    """Begin with the weights of another run.

    Args:
        model: Task whose weights are replaced.
        path: A checkpoint, or the weights of the part that a run saves, such as `model.pt`.

    Returns:
        What identifies them: file and digest.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no weights, or those of another network.
    """
    if Path(path).is_dir():
        raise ValueError(f"--weights {path} is a folder: give a .ckpt or model.pt in it")
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
    return f"{Path(path).name} {digest(content)[:16]}"


def refuse_other_weights(model: LightningModule, saved: Mapping[str, Tensor]) -> None:
    """Say in one line why the weights of a checkpoint do not fit.

    Args:
        model: Task that the run has now.
        saved: Weights in the checkpoint, by name.

    Raises:
        ValueError: A tensor is missing, is too many or has another shape.
    """
    here: Mapping[str, Tensor] = model.state_dict()
    if is_overridden("configure_model", model):  # layers that are not there yet
        saved = {name: value for name, value in saved.items() if name in here}
    if not model.strict_loading:
        here = {name: value for name, value in here.items() if name in saved}
    if problem := _mismatch(here, saved):
        raise ValueError(f"the network has changed since the checkpoint was saved: {problem}")


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
