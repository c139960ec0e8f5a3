"""How a stranger's configuration is spelled: one way to say what a class is and what it gets."""

import inspect
from collections.abc import Iterator
from typing import Any

import yaml

GROUPS = {"trainer", "model", "data", "best", "last"}
_PART = {"class_path", "init_args", "dict_kwargs"}
_ARGUMENTS = ("init_args", "dict_kwargs")
_DEEPEST = 5  # classes inside one another; the time to parse them grows by a factor for each


def class_parts(content: Any) -> Iterator[dict[str, Any]]:
    """List the parts of a configuration that name a class, from the outside in.

    Args:
        content: Configuration in plain types, or a part of it.

    Yields:
        Each part with a `class_path`.
    """
    if isinstance(content, dict):
        if "class_path" in content:
            yield content
        for inner in content.values():
            yield from class_parts(inner)
    elif isinstance(content, list):
        for inner in content:
            yield from class_parts(inner)


def refuse_misspelled(content: dict[str, Any]) -> None:
    """Refuse spellings that jsonargparse understands and a look at the parts does not.

    Args:
        content: Configuration in plain types.

    Raises:
        ValueError: A key is a path or an addition, a text holds a class, a group is none, or
            classes are nested without end.
    """
    for name in GROUPS & content.keys():
        if not isinstance(content[name], dict | None):
            raise ValueError(f"{name} in the checkpoint is no group of settings: give another")
    for name in ("model", "data"):
        if content.get(name) and "class_path" not in content[name]:
            raise ValueError(f"{name} in the checkpoint names no class: give another")
    _walk(content, "", 0)


def refuse_doubled(part: dict[str, Any], item: Any) -> None:
    """Refuse additional arguments that would take the place of those that a class names.

    Args:
        part: Part that names a class.
        item: That class, or a function.

    Raises:
        ValueError: It has such arguments.
    """
    made_by = (
        [vars(each).get("__init__") for each in inspect.getmro(item)]
        if isinstance(item, type)
        else [item]
    )
    named = {name for maker in made_by if maker for name in _parameters(maker)}
    for name in part.get("dict_kwargs") or {}:
        if name in named or name in (part.get("init_args") or {}):
            raise ValueError(f"{name} of {part['class_path']} in the checkpoint is in dict_kwargs")


def _parameters(maker: Any) -> list[str]:
    try:
        return [*inspect.signature(maker).parameters]
    except (TypeError, ValueError):  # some are written in C
        return []


def _walk(content: Any, where: str, depth: int) -> None:
    if isinstance(content, str) and _holds_a_class(content):
        raise ValueError(f"{where} in the checkpoint is a text that holds a class: give another")
    if isinstance(content, list):
        for value in content:
            _walk(value, where, depth)
    if not isinstance(content, dict):
        return
    depth += "class_path" in content
    if depth > _DEEPEST:
        raise ValueError(f"{where} in the checkpoint has classes in over {_DEEPEST} levels")
    _refuse_keys(content, where)
    for key, value in content.items():
        _walk(value, f"{where}.{key}".strip("."), depth)


def _refuse_keys(content: dict[Any, Any], where: str) -> None:
    strict = not where or where in GROUPS or where.rpartition(".")[2] in _ARGUMENTS
    for key in content:
        text = key if isinstance(key, str) else "" if isinstance(key, int) and not strict else "."
        is_path = "." in text or text.endswith("+") or text.startswith("__")
        if is_path or (strict and not text.isidentifier()):
            place = f" in {where}" if where else ""
            raise ValueError(
                f"the checkpoint has {key!r:.60}{place}, which is no name of a setting"
            )
    if "class_path" in content and not content.keys() <= _PART:
        more = ", ".join(sorted(content.keys() - _PART))
        raise ValueError(f"{where} in the checkpoint has more than a class: {more:.60}")
    for name in _ARGUMENTS:
        if "class_path" in content and not isinstance(content.get(name), dict | None):
            raise ValueError(f"{name} of {where} in the checkpoint is no group of settings")


def _holds_a_class(text: str) -> bool:
    """Tell whether a text is YAML with a class or an anchor; a setting of any type takes it so."""
    if not any(sign in text for sign in ":?"):  # without one there is no key with a value
        return False
    try:
        if any(map(_is_anchor, yaml.parse(text, yaml.SafeLoader))):
            return True
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return False
    return not isinstance(content, str) and _names_a_class(content)


def _is_anchor(event: yaml.Event) -> bool:
    """Tell whether aliases may follow, which make a short text an endless structure."""
    return bool(getattr(event, "anchor", None)) and not isinstance(event, yaml.AliasEvent)


def _names_a_class(content: Any) -> bool:
    if isinstance(content, dict):
        inside = [*content, *content.values()]
        named = any(isinstance(key, str) and "class_path" in key for key in content)
        return named or any(map(_names_a_class, inside))
    if isinstance(content, list | tuple | set):
        return any(map(_names_a_class, content))
    return isinstance(content, str) and _holds_a_class(content)
