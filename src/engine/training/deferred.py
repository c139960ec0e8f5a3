"""Packages that are loaded when they are used, not when another package names them."""

import builtins
import pkgutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType
from typing import Any


@contextmanager
def deferred(importer: str, *packages: str) -> Iterator[None]:
    """Let a package's imports inside the block get stand-ins for packages not loaded yet.

    A stand-in takes the place of a module or of what is imported from it, and becomes the real
    thing when it is called, when a class is derived from it, or when something in it is asked for
    after the block. All other imports get the real packages.

    Args:
        importer: Name of the package that names them without need.
        *packages: Names of packages; one that is not installed is missed as ever.

    Yields:
        Nothing.
    """
    # A finder in `sys.meta_path` would not do: it cannot tell who asks, and what is named besides
    # may need the real package (transformers, named by torchmetrics, needs torchvision).
    waiting = {name for name in packages if name in sys.modules or find_spec(name)}
    real_import = builtins.__import__

    def import_(
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        package = name.partition(".")[0]
        if level == 0 and package in waiting and package not in sys.modules and globals:
            asking: str = globals.get("__name__", "")
            if asking.partition(".")[0] == importer:
                return _StandIn(name if fromlist else package, waiting)
        return real_import(name, globals, locals, fromlist, level)

    builtins.__import__ = import_
    try:
        yield
    finally:
        builtins.__import__ = real_import
        waiting.clear()


class _StandIn(ModuleType):
    def __init__(self, name: str, waiting: set[str]) -> None:
        super().__init__(name)
        self._waiting = waiting

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._waiting:
            return _StandIn(f"{self.__name__}.{name}", self._waiting)
        return pkgutil.resolve_name(f"{self.__name__}.{name}")

    def __call__(self, *args: Any, **options: Any) -> Any:
        return pkgutil.resolve_name(self.__name__)(*args, **options)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, pkgutil.resolve_name(self.__name__))

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type]:
        return (pkgutil.resolve_name(self.__name__),)
