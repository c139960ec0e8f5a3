"""Weights that come from elsewhere, and what must not go into a checkpoint."""

import re
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from posixpath import commonpath
from typing import Any, NamedTuple

from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor

from src.engine.checkpoints.digest import digest
from src.engine.checkpoints.hub import HUB, fetch
from src.engine.console.note import note
from src.engine.console.shown import shown
from src.engine.files.plain_file import load_plain

_MANY = 3
# Where trainers put weights in their files; averages are what they evaluate and publish.
_INSIDE = (
    "state_dict_ema",
    "model_ema",
    "ema",
    "params_ema",
    "state_dict",
    "model_state_dict",
    "model",
)
# What DistributedDataParallel and torch.compile put into names.
_WRAPPER = re.compile(r"(?<![^.])(module|_orig_mod)\.")
_COUNTERS = {"num_batches_tracked", "relative_position_index", "total_ops", "total_params"}
_COLOURS, _OF_CONVOLUTION = 3, 4  # channels; dimensions
_HEADS = 2  # modules that may begin anew: a last layer, and one beside or before it
_Weights = dict[str, Tensor]


class _Fit(NamedTuple):
    """Weights of a file by the names that they have here.

    Attributes:
        loaded: Those that fit.
        summed: Convolutions whose channels were three there and are one here, or the reverse.
        left_out: Those of another size here.
        missing: Names that the file lacks.
        unknown: Names in the file that are nothing here.
    """

    loaded: _Weights
    summed: list[str]
    left_out: list[str]
    missing: list[str]
    unknown: list[str]


def load_weights(model: LightningModule, path: str) -> str:
    """Begin with weights from elsewhere; a last layer of another size begins anew.

    Args:
        model: Task whose weights are replaced.
        path: A checkpoint, the weights of the part that a run saves, such as `model.pt`, or a
            `.pth` or `.safetensors` of another program; a repository of Hugging Face's hub begins
            with `hub:`.

    Returns:
        What identifies them: file and digest.

    Raises:
        FileNotFoundError: There is no such file.
        ConnectionError: The hub is not reached.
        ValueError: It holds no weights, or those of another network.
    """
    file, name = fetch(path) if path.startswith(HUB) else (path, Path(path).name)
    here = model.state_dict()
    there = _by_names_of(here, _read(str(file)))
    fit = _fit(here, there)
    if _is_other(here, there, fit):
        raise ValueError(f"--weights {path} are of another network: {_mismatch(here, there)}")
    model.load_state_dict(fit.loaded, strict=False)
    _tell(name, len(here), fit)
    return f"{name} {digest(fit.loaded)[:16]}"


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


def _read(path: str) -> _Weights:
    if Path(path).is_dir():
        raise ValueError(f"--weights {path} is a folder: give a .ckpt or model.pt in it")
    content = _read_safetensors(path) if path.endswith(".safetensors") else load_plain(path)
    if isinstance(content, dict):
        content = _inside(path, content)
    if not isinstance(content, dict) or not _is_state(content):
        raise ValueError(f"--weights {path} holds no weights: give a .ckpt or model.pt of a run")
    return {str(name): value for name, value in content.items()}


def _is_state(content: dict[Any, Any]) -> bool:
    return bool(content) and all(isinstance(value, Tensor) for value in content.values())


def _inside(path: str, content: dict[Any, Any]) -> Any:
    """Find the weights among what a trainer has put beside them, under a name of its own."""
    parts = {
        key: part for key, part in content.items() if isinstance(part, dict) and _is_state(part)
    }
    found = [key for key in _INSIDE if key in parts] or [*parts]
    if _is_state(content) or not found:
        return content
    if len(parts) > 1 and found[0] not in _INSIDE:
        raise ValueError(f"--weights {path} holds several networks: {', '.join(map(str, parts))}")
    if len(parts) > 1:
        note(f"of what is in {Path(path).name}, {found[0]} is loaded")
    return parts[found[0]]


def _read_safetensors(path: str) -> Any:
    if find_spec("safetensors") is None:
        raise ValueError(f"--weights {path} needs safetensors: pip install safetensors")
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {shown(Path(path))}")
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{shown(Path(path))} is no complete file of safetensors") from error


def _by_names_of(here: Mapping[str, Tensor], there: _Weights) -> _Weights:
    """Give weights the names that they have here: without wrappers, inside of what holds them."""
    plain = {_WRAPPER.sub("", name): name for name in here}
    content = {_WRAPPER.sub("", name): value for name, value in there.items()}

    def renamed(old: str, new: str) -> _Weights:
        inside = {name: name.startswith(old) for name in content}
        names = {name: new + name.removeprefix(old) if inside[name] else name for name in content}
        return {plain.get(names[name], names[name]): value for name, value in content.items()}

    ways = [renamed(old, new) for old in _holders(content) for new in _holders(plain)]
    return max(ways, key=lambda way: len(way.keys() & here.keys()))


def _holders(names: Iterable[str]) -> list[str]:
    """List what all names of a network begin with: nothing, `network.`, `network.model.`."""
    inner = [name for name in names if name.startswith("network.")] or [*names]
    above = ["/".join(name.split(".")[:-2]) for name in inner]  # of the modules that hold them
    parts = [part for part in commonpath(above).split("/") if part]
    return ["", *(".".join(parts[: end + 1]) + "." for end in range(len(parts)))]


def _fit(here: Mapping[str, Tensor], there: _Weights) -> _Fit:
    fit = _Fit({}, [], [], [name for name in here if name not in there], [])
    for name, value in there.items():
        if name not in here:
            fit.unknown.append(name)
        elif value.shape == here[name].shape:
            fit.loaded[name] = value
        elif (changed := _with_channels(value, here[name])) is not None:
            fit.loaded[name] = changed
            fit.summed.append(name)
        else:
            fit.left_out.append(name)
    return fit


def _with_channels(value: Tensor, here: Tensor) -> Tensor | None:
    """Let a convolution of three channels take one, whose sum it is, or the reverse."""
    if {value.dim(), here.dim()} != {_OF_CONVOLUTION} or value.sum(1).shape != here.sum(1).shape:
        return None
    if (value.shape[1], here.shape[1]) == (_COLOURS, 1):
        return value.sum(1, keepdim=True)
    if (value.shape[1], here.shape[1]) == (1, _COLOURS):
        return value.expand(-1, _COLOURS, -1, -1) / _COLOURS
    return None


def _is_other(here: Mapping[str, Tensor], there: _Weights, fit: _Fit) -> bool:
    """Tell whether weights differ in more than the first channels and the last layer."""
    inside = any(here[name].shape[1:] != there[name].shape[1:] for name in fit.left_out)
    anew = [*fit.left_out, *(name for name in fit.missing if not _counts(name))]
    heads = {name.rpartition(".")[0] for name in anew}
    holder = _holders(here)[-1]
    parts = {name.removeprefix(holder).partition(".")[0] for name in here}
    strange = [
        name
        for name in fit.unknown
        if name.removeprefix(holder).partition(".")[0] in parts and not _counts(name)
    ]
    few = 2 * len(fit.loaded) < len(here)
    return few or inside or bool(strange) or len(heads) > _HEADS or len(fit.summed) > 1


def _counts(name: str) -> bool:
    return name.rpartition(".")[2] in _COUNTERS


def _tell(file: str, count: int, fit: _Fit) -> None:
    """Say what was loaded, and what was not."""
    summed = f", {fit.summed[0]} with its channels summed or spread" if fit.summed else ""
    note(f"{len(fit.loaded)} of {count} tensors begin as in {file}{summed}")
    kinds = {
        "of another size there": fit.left_out,
        "missing there": fit.missing,
        "unknown here": fit.unknown,
    }
    told = [f"{kind}: {_few(names)}" for kind, names in kinds.items() if names]
    if told:
        note(f"left out: {'; '.join(told)}")


def _mismatch(here: Mapping[str, Tensor], there: Mapping[str, Tensor]) -> str:
    found = [f"{name} is missing there" for name in here if name not in there]
    found += [f"{name} is not known here" for name in there if name not in here]
    found += [
        f"{name} is {tuple(there[name].shape)} there and {tuple(value.shape)} here"
        for name, value in here.items()
        if name in there and value.shape != there[name].shape
    ]
    return _few(found)


def _few(found: list[str]) -> str:
    more = f", and {len(found) - _MANY} more" if len(found) > _MANY else ""
    return ", ".join(found[:_MANY]) + more
