"""Packages that are loaded when they are used, not when another package names them."""

import pkgutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from typing_extensions import override


@contextmanager
def deferred(*packages: str) -> Iterator[None]:
    """Let imports inside the block get stand-ins for packages that are not loaded yet.

    A stand-in takes the place of a module or of what is imported from it, and becomes the real
    thing when it is called or something in it is asked for after the block. Imports after the block
    get the real packages.

    Args:
        *packages: Names of packages.

    Yields:
        Nothing.
    """
    finder = _Finder({name for name in packages if name not in sys.modules})
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name, module in [*sys.modules.items()]:
            if isinstance(module, _StandIn):
                del sys.modules[name]


class _StandIn(ModuleType):
    def __init__(self, name: str, finder: "_Finder") -> None:
        super().__init__(name)
        self.__path__: list[str] = []  # it may have modules of its own
        self._finder = finder

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._finder in sys.meta_path:
            return _StandIn(f"{self.__name__}.{name}", self._finder)
        return getattr(pkgutil.resolve_name(self.__name__), name)

    def __call__(self, *args: Any, **options: Any) -> Any:
        return pkgutil.resolve_name(self.__name__)(*args, **options)


class _Finder(MetaPathFinder, Loader):
    def __init__(self, packages: set[str]) -> None:
        self.packages = packages

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        wanted = fullname.partition(".")[0] in self.packages
        return ModuleSpec(fullname, self, is_package=True) if wanted else None

    @override
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name, self)

    @override
    def exec_module(self, module: ModuleType) -> None:
        pass
