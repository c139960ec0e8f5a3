"""What a module remembers in plain attributes: neither parameters nor buffers, and still state."""

import inspect
from collections import deque
from functools import cache
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torchmetrics import Metric, MetricCollection
from typing_extensions import override

from src.engine.checkpoints.digest import digest
from src.engine.console.note import note
from src.engine.exact.encoded import UnsavedError, decode, encode
from src.engine.exact.every_process import of_every_process
from src.engine.exact.fingerprint import fingerprint


class Attribute(NamedTuple):
    """An attribute of a module or of one of its submodules.

    Attributes:
        name: What a user calls it.
        value: Its value, if it can be saved.
        mark: Changes when it does; None if that cannot be told.
        content: What a checkpoint holds of it.
        unsaved: Why a checkpoint cannot hold it, or nothing.
    """

    name: str
    value: Any
    mark: str | None
    content: Any = None
    unsaved: str = ""


class ModuleState(Callback):
    """Save the attributes of a module that a run has changed, and set them again on resuming.

    Tensors and numbers are meant, also in containers, and those of submodules, too. A module that
    saves a state of its own is left alone. What changes and cannot be saved is told once.
    """

    def __init__(self) -> None:
        self._first: dict[str, Attribute] = {}  # when the first epoch of this process began
        self._marks: dict[str, str | None] = {}  # of those that were set again before that
        self._saved: dict[str, Any] = {}
        self._saved_in_epoch = False
        self._in_epoch = False  # the hooks of its start have run
        self._told = False

    @override
    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if not trainer.training or "attributes" not in checkpoint:
            return
        processes = checkpoint["attributes"]["processes"]
        self._saved = processes[trainer.global_rank % len(processes)]
        self._saved_in_epoch = checkpoint["attributes"]["in_epoch"]
        found = attributes(pl_module)
        self._marks = {key: found[key].mark if key in found else "" for key in self._saved}
        shared = {key: saved for key, saved in self._saved.items() if saved["same"]}
        set_again(pl_module, shared)  # loaders may read them before a batch is trained

    @override
    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._begin(pl_module)
        if not self._saved_in_epoch:
            set_again(pl_module, self._saved)
            self._saved = {}
        self._in_epoch = True

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._in_epoch = False

    def go_on(self, trainer: Trainer) -> None:
        """Set again what was saved in an epoch: now the hooks have run that had run there.

        Args:
            trainer: Trainer of the run.
        """
        self._begin(trainer.lightning_module)
        set_again(trainer.lightning_module, self._saved)
        self._saved, self._saved_in_epoch, self._in_epoch = {}, False, True

    @override
    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        found = attributes(pl_module) if self._first else {}
        changed = {key: now for key, now in found.items() if self._has_changed(key, now)}
        self._tell_once([now for now in changed.values() if now.unsaved])
        own = {
            key: {
                "same": key in self._first and self._first[key].value is now.value,
                "value": now.content,
            }
            for key, now in changed.items()
            if not now.unsaved
        }
        states = of_every_process(trainer, own)
        checkpoint["attributes"] = {"in_epoch": self._in_epoch, "processes": states}

    def _begin(self, module: LightningModule) -> None:
        if not self._first:
            found = attributes(module).items()
            self._first = {key: each._replace(content=None) for key, each in found}

    def _has_changed(self, key: str, now: Attribute) -> bool:
        first = self._first.get(key)
        return now.mark not in (None, self._marks.get(key, first.mark if first else ""))

    def _tell_once(self, unsaved: list[Attribute]) -> None:
        if unsaved and not self._told:
            names = ", ".join(f"{each.name} ({each.unsaved})" for each in unsaved)
            note(
                f"this run does not continue exactly: its checkpoints do not hold {names}; save "
                "that in on_save_checkpoint"
            )
            self._told = True


def attributes(module: LightningModule) -> dict[str, Attribute]:
    """Find the attributes that may be state.

    Args:
        module: Module of a run.

    Returns:
        Each by its path; none if the module saves what it wants to.
    """
    if is_overridden("on_save_checkpoint", module):
        return {}
    elsewhere = _saved_anyway(module)
    return {
        f"{path}.{name}": _attribute(f"{type(part).__name__}.{name}", value, elsewhere)
        for path, part in module.named_modules()
        if not _saves_itself(part)
        for name, value in vars(part).items()
        if name not in _of_framework(isinstance(part, LightningModule))
    }


def set_again(module: LightningModule, states: dict[str, Any]) -> None:
    """Give attributes of a module the values that were saved.

    Args:
        module: Module of a run.
        states: For each path what it holds, and whether it is the `same` object as at the start,
            which others may hold, so that the content of that is replaced.
    """
    parts = dict(module.named_modules())
    for path, saved in states.items():
        owner, _, name = path.rpartition(".")
        if owner in parts and _may_set(parts[owner], name):
            value, there = decode(saved["value"], module.device), parts[owner].__dict__
            there[name] = _put(there.get(name), value) if saved["same"] else value


def _attribute(name: str, value: Any, elsewhere: set[int]) -> Attribute:
    try:
        content = encode(value, elsewhere)
    except UnsavedError as reason:
        kind = f"a {type(value).__name__}"
        why = kind if str(reason) == kind else f"{kind} with {reason}"
        return Attribute(name, None, fingerprint(value, elsewhere), unsaved=why)
    return Attribute(name, value, digest(content), content)


def _saved_anyway(module: nn.Module) -> set[int]:
    """List the modules, and the memory of parameters and buffers."""
    found = [each for each in (*module.parameters(), *module.buffers()) if not is_lazy(each)]
    plain = [each for each in found if type(each) in (Tensor, nn.Parameter) and each.numel()]
    memory = {each.untyped_storage().data_ptr() for each in plain}
    return memory | {id(each) for each in module.modules()}


def _saves_itself(part: nn.Module) -> bool:
    own = type(part).get_extra_state is not nn.Module.get_extra_state
    return own or isinstance(part, Metric | MetricCollection)


def _may_set(part: nn.Module, name: str) -> bool:
    """Tell whether an attribute takes the place of nothing that a module or its class has."""
    inner = (*part.named_parameters(recurse=False), *part.named_buffers(recurse=False))
    taken = {each for each, _ in (*inner, *part.named_children())}
    taken |= _of_framework(isinstance(part, LightningModule))
    inherited = inspect.getattr_static(type(part), name, None)
    return not (_saves_itself(part) or name in taken or hasattr(inherited, "__get__"))


@cache
def _of_framework(lightning: bool) -> frozenset[str]:
    own = {"forward"} if lightning else set()  # which Lightning replaces where processes share work
    return frozenset(vars(LightningModule() if lightning else nn.Module())) | own


def _put(there: Any, value: Any) -> Any:
    """Replace the content of an object if it can take it; else give the new one."""
    tensors = type(there) is Tensor and type(value) is Tensor
    if tensors and (there.shape, there.dtype) == (value.shape, value.dtype):
        with torch.no_grad():
            return there.copy_(value)
    if type(there) is not type(value) or not isinstance(there, list | deque | dict):
        return value
    there.clear()
    there.update(value) if isinstance(there, dict) else there.extend(value)
    return there
