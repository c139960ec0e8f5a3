"""What a user of this machine has used: own packages, and own configurations.

Both are remembered outside the project, in a file that no checkpoint can bring along. A package
that a command or a configuration file of the user has named may be named by checkpoints from then
on; a configuration that a command of the user has run is the user's own, whatever it names.
"""

import hashlib
import importlib
import os
import sys
from collections.abc import Iterable
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningDataModule
from torch import nn
from torch.utils.data import Dataset

from src.engine.checkpoints.named import is_own_package
from src.engine.checkpoints.remembered import remember, remembered
from src.engine.console.note import note
from src.engine.files.run import CHECKPOINTS, LOGS

_KINDS = (nn.Module, LightningDataModule, Dataset, Callback)  # a LightningModule is a Module
_KINDS_TOLD = "Module, LightningModule, LightningDataModule, Dataset or Callback"
_RUNS = {CHECKPOINTS, LOGS}


def find_consented(name: str) -> type:
    """Find a class of a package that the user has used on this machine, by its dotted name.

    Args:
        name: Such as `my_lab.models.Net`.

    Returns:
        The class.

    Raises:
        ValueError: The user has not used the package, it lies elsewhere now, or the name is not
            that of a network, task, data set or callback that it defines. Nothing of a package that
            was not used is imported.
    """
    package, _, rest = name.partition(".")
    parts = name.split(".")
    is_name = rest and name.isascii() and all(part.isidentifier() for part in parts)
    is_name = is_name and not any(part.startswith("__") for part in parts)  # __main__ is a script
    if not is_name or not is_own_package(package):
        raise ValueError(
            f"the checkpoint names {_short(name)}, which is not on the list of what one may name; "
            "it was not called (docs/security.md)"
        )
    place = _place(package)
    used = [entry["file"] for entry in remembered() if entry.get("package") == package]
    if place is None or place not in used:
        moved = f" (it was {used[-1]}, and is {place or 'nowhere'} now)" if used else ""
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


def trust(packages: str | None) -> None:
    """Remember packages that the user trusts by name.

    Args:
        packages: Names of packages, such as `my_lab`, with commas between them; None is none.

    Raises:
        ValueError: There is no such package, or it is not one of the user's own.
    """
    for package in packages.split(",") if packages is not None else ():
        place = _place(package) if is_own_package(package) else None
        if place is None:
            raise ValueError(
                f"--trust {_short(package)}: it is no package of your own that Python finds, here "
                "or installed (docs/security.md)"
            )
        kept = remember({"package": package, "file": place})
        when = "from now on" if kept else "this time: no file can be written to remember it"
        note(f"checkpoints may name parts of {package} {when}, {place}")


def remember_used(names: Iterable[str]) -> None:
    """Remember the packages of classes that a command or configuration file of the user has named.

    Args:
        names: Dotted names of classes, all loaded.
    """
    for package in {name.partition(".")[0] for name in names}:
        known = is_own_package(package) and package in sys.modules
        place = _place(package) if known else None
        if place is not None:
            remember({"package": package, "file": place})


def remember_own(config: str) -> None:
    """Remember a configuration that a command of the user runs.

    Args:
        config: Configuration as checkpoints hold it.
    """
    remember({"config": _digest(config)})


def is_own(config: str) -> bool:
    """Tell whether a configuration was run by a command of the user, to the last character.

    Args:
        config: Configuration in a checkpoint.

    Returns:
        True if it is remembered.
    """
    digest = _digest(config)
    return any(entry.get("config") == digest for entry in remembered())


def _place(package: str) -> str | None:
    """Say where a package lies, without importing it; None if it lies nowhere, or among runs."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is None or not (places := _places(spec)):
        return None
    return None if any(_is_of_a_run(place) for place in places) else os.pathsep.join(places)


def _places(spec: ModuleSpec) -> list[str]:
    found = [spec.origin] if spec.has_location else [*(spec.submodule_search_locations or ())]
    return sorted({os.path.realpath(place) for place in found if place})


def _is_of_a_run(place: str) -> bool:
    parts = Path(place).parts
    return any(
        above in _RUNS and (below.startswith("version_") or below == "groups")
        for above, below in pairwise(parts)
    )


def _get(name: str, place: str) -> Any:
    """Import what a name means, module by module, each from inside the package's own folder."""
    folders = [Path(each.removesuffix("__init__.py")) for each in place.split(os.pathsep)]
    *modules, key = name.split(".")
    loaded: Any = None
    for end in range(1, len(modules) + 1):
        module = ".".join(modules[:end])
        try:
            spec = find_spec(module)
        except (ImportError, ValueError):
            spec = None
        if spec is None or not all(_is_inside(path, folders) for path in _places(spec)):
            raise ValueError(f"the checkpoint names {_short(name)}, and there is no {module} in it")
        loaded = importlib.import_module(module)
    return getattr(loaded, key, None)


def _is_inside(path: str, folders: list[Path]) -> bool:
    return any(
        Path(path).is_relative_to(folder) and _RUNS.isdisjoint(Path(path).relative_to(folder).parts)
        for folder in folders
    )


def _short(name: str) -> str:
    return name if len(name) <= 80 else f"{name[:80]}..."  # noqa: PLR2004


def _digest(config: str) -> str:
    return hashlib.sha256(config.encode(errors="replace")).hexdigest()
