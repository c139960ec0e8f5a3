"""What jsonargparse does not promise: every touch of it, in one place.

Each comment says why it is touched and, after "Wish:", what it would have to offer instead.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from jsonargparse import ArgumentParser, _common, _typehints, set_parsing_settings


def keep_whole_numbers() -> None:
    """Let jsonargparse try `int` before `float`, in whatever order a type names them."""
    # It tries them in order, and as a float it takes 1, a number of batches, for 1.0, all of them.
    # The order is that of the type that some other package wrote first: for typing both are one
    # type, which it keeps and hands on. Wish: a number that is written as an int stays one.
    own: Callable[..., list[Any]] = _typehints.sort_subtypes_for_union
    if own.__module__ != __name__:
        _typehints.sort_subtypes_for_union = lambda *args: _int_first(own(*args))


def _int_first(types: Any) -> list[Any]:
    found = [*types]
    if int in found and float in found[: found.index(int)]:
        found.remove(int)
        found.insert(found.index(float), int)
    return found


def option_names(parser: ArgumentParser) -> Iterable[str]:
    """List the options of a parser, with their dashes."""
    # An error names the nearest right one. Wish: argparse lists them.
    return parser._option_string_actions


def without_files(parser: ArgumentParser) -> None:
    """Let no value be the name of a file from which it is read."""
    # A stranger may have written it. Wish: `sub_configs` of a parser, and not of each option.
    actions: list[Any] = parser._actions
    for action in actions:
        if hasattr(action, "_enable_path"):
            action._enable_path = False
            action.sub_add_kwargs = {**getattr(action, "sub_add_kwargs", {}), "sub_configs": False}


@contextmanager
def importing_only(names: Iterable[str]) -> Iterator[None]:
    """Let values name nothing but what is listed; anything else is refused before it is imported.

    Args:
        names: Dotted names.

    Yields:
        Nothing.
    """
    # It is set for the whole process. Wish: a context that takes it back.
    before = dict(_common.parsing_settings)
    try:
        allowed = [name for name in names if name.partition(".")[0] != "jsonargparse"]
        set_parsing_settings(import_path_denylist=["*"], import_path_allowlist=allowed)
        yield
    finally:
        _common.parsing_settings.update(before)
