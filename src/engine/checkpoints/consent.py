"""What a user of this machine trusts: own packages, and own configurations.

Both are remembered outside the project, in a file that no checkpoint can bring along. A package
that a command or a configuration file of the user has named may be named by checkpoints from then
on; a configuration that a command of the user has run is the user's own, whatever it names.
"""

import hashlib
import importlib
import json
import os
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningDataModule
from torch import nn
from torch.utils.data import Dataset

from src.engine.console.note import note
from src.engine.files.run import CHECKPOINTS, LOGS

# Of these packages only what is on the list: they hold much that runs, reads and fetches.
_FRAMEWORKS = {"jsonargparse", "lightning", "pytorch_lightning", "src", "torch", "torchmetrics"} | {
    *("torchvision", "tensorboard", "numpy", "scipy", "matplotlib", "yaml", "setuptools", "pip"),
    *("checkpoints", "lightning_logs", "data", "__main__"),
}
_KINDS = (nn.Module, LightningDataModule, Dataset, Callback)  # a LightningModule is a Module
_KINDS_TOLD = "Module, LightningModule, LightningDataModule, Dataset or Callback"
_RUNS = {CHECKPOINTS, LOGS}
_LONGEST = 80  # characters of a name that is told
_of_this_process: list[str] = []  # where the file cannot be written


def find_trusted(name: str) -> type:
    """Find a class of a package that the user trusts on this machine, by its dotted name.

    Args:
        name: Such as `my_lab.models.Net`.

    Returns:
        The class.

    Raises:
        ValueError: The package is not trusted, it lies elsewhere now, or the name is not that of a
            network, task, data set or callback that it defines. Nothing of a package that is not
            trusted is imported.
    """
    package, *rest = parts = name.split(".")
    is_name = rest and name.isascii() and all(part.isidentifier() for part in parts)
    is_name = is_name and not any(part.startswith("__") for part in parts)  # __main__ is a script
    if not is_name or not is_own_package(package):
        why = "which is not on the list of what one may name; it was not called (docs/security.md)"
        raise ValueError(f"the checkpoint names {_short(name)}, {why}")
    place = _place(package)
    if place is None or _line(package=package, file=place) not in _remembered():
        used = [line for line in _remembered() if line.startswith(f'{{"package": "{package}", ')]
        before = used[-1].partition('"file": ')[2].strip('"}') if used else ""
        moved = f" (it was {before}, and is {place or 'nowhere'} now)" if used else ""
        raise ValueError(
            f"the checkpoint names {_short(name)}, and {package} was not used on this machine"
            f"{moved}: if you trust it, --trust {package} allows it"
        )
    item = _get(name, place)
    if not (isinstance(item, type) and issubclass(item, _KINDS)):
        raise ValueError(f"the checkpoint names {_short(name)}, which is no {_KINDS_TOLD}")
    if item.__module__.partition(".")[0] != package:
        raise ValueError(f"the checkpoint names {_short(name)}, which {package} does not define")
    return item


def is_own_package(name: str) -> bool:
    """Tell whether a name may be that of a user's package.

    Args:
        name: First part of a dotted name.

    Returns:
        False for the frameworks, the standard library, folders of runs and data, and no names.
    """
    return name.isidentifier() and name not in _FRAMEWORKS | sys.stdlib_module_names


def trust(packages: str | None) -> None:
    """Remember packages that the user trusts by name.

    Args:
        packages: Names of packages, such as `my_lab`, with commas between them; None is none.

    Raises:
        ValueError: There is no such package, or it is not one of the user's own.
    """
    for package in packages.split(",") if packages is not None else ():
        place = _place(package)
        if place is None:
            raise ValueError(
                f"--trust {_short(package)}: it is no package of your own that Python finds, here "
                "or installed (docs/security.md)"
            )
        kept = _add(_line(package=package, file=place))
        when = "from now on" if kept else "this time: no file can be written to remember it"
        note(f"checkpoints may name parts of {package} {when}, {place}")


def remember(names: Iterable[str], config: str | None = None) -> None:
    """Remember what a command or a configuration file of the user has used.

    Args:
        names: Dotted names of its classes, whose packages are remembered.
        config: Configuration that it runs, as checkpoints hold it; None if it is a stranger's.
    """
    if config is not None:
        _add(_line(config=_digest(config)))
    for package in {name.partition(".")[0] for name in names} & sys.modules.keys():
        if place := _place(package):
            _add(_line(package=package, file=place))


def is_own(config: str) -> bool:
    """Tell whether a configuration was run by a command of the user, to the last character.

    Args:
        config: Configuration in a checkpoint.

    Returns:
        True if it is remembered.
    """
    return _line(config=_digest(config)) in _remembered()


def _digest(config: str) -> str:
    return hashlib.sha256(config.encode(errors="replace")).hexdigest()


def _line(**entry: str) -> str:
    return json.dumps(entry)


def _memory() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "lightning-research-template" / "used.jsonl"


def _remembered() -> list[str]:
    """Read all lines, the first one first; a damaged one is none that is looked for."""
    try:
        return [*_memory().read_text(errors="replace").splitlines(), *_of_this_process]
    except (OSError, RuntimeError):  # there is no such file, or the user has no home
        return _of_this_process


def _add(line: str) -> bool:
    """Add a line if it is not there yet; tell whether it outlasts this process."""
    if line in _remembered():
        return True
    try:
        file = _memory()
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(mode=0o600)
        with file.open("ab", buffering=0) as target:
            # In one call: lines of processes do not mix; on a new line: a full disk may have cut.
            target.write(f"\n{line}\n".encode())
    except (OSError, RuntimeError):  # which must not end a run
        _of_this_process.append(line)
        return False
    return True


def _place(package: str) -> str | None:
    """Say where a package of the user's lies, without importing it; None if it is no such one."""
    places = _places(package) if is_own_package(package) else []
    of_a_run = any(
        above in _RUNS and (below.startswith("version_") or below == "groups")
        for place in places
        for above, below in pairwise(Path(place).parts)
    )
    return None if of_a_run else os.pathsep.join(places) or None


def _places(module: str) -> list[str]:
    """List the file or the folders of a module; empty if there is none."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    found = [spec.origin] if spec.has_location else [*(spec.submodule_search_locations or ())]
    return sorted({os.path.realpath(place) for place in found if place})


def _get(name: str, place: str) -> Any:
    """Import what a name means, module by module, each from inside the package's own folder."""
    folders = [Path(each.removesuffix("__init__.py")) for each in place.split(os.pathsep)]
    *modules, key = name.split(".")
    loaded: Any = None
    for end in range(1, len(modules) + 1):
        module = ".".join(modules[:end])
        places = _places(module)
        if not places or not all(_is_inside(Path(path), folders) for path in places):
            raise ValueError(f"the checkpoint names {_short(name)}, and there is no {module} in it")
        loaded = importlib.import_module(module)
    return getattr(loaded, key, None)


def _is_inside(path: Path, folders: list[Path]) -> bool:
    """Tell whether a module lies in one of its package's folders, and there in none of runs."""
    inside = [path.relative_to(folder) for folder in folders if path.is_relative_to(folder)]
    return any(_RUNS.isdisjoint(each.parts) for each in inside)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..."
