"""A command line whose errors are one line: what was wrong, where, and the nearest right name."""

import re
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NoReturn

import yaml
from jsonargparse import Namespace
from lightning.pytorch.cli import LightningArgumentParser
from typing_extensions import override

from src.engine.console.explain import explain
from src.engine.console.jsonargparse_compat import keep_whole_numbers, option_names
from src.engine.console.masked import masked
from src.engine.console.printable import printable

_MANY = 6
keep_whole_numbers()


# Some classes have members of an enumeration as defaults of parameters that are texts.
yaml.SafeDumper.add_multi_representer(
    str, lambda dumper, text: dumper.represent_str(str.__str__(text))
)


class OneLineParser(LightningArgumentParser):
    """LightningCLI's parser, with errors of one line and without abbreviated options."""

    # Surrounds all work on a configuration that has been parsed.
    guard: Callable[[], AbstractContextManager[None]] = nullcontext

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})

    @override
    def add_function_arguments(
        self, *args: Any, linked_targets: set[str] | None = None, **kwargs: Any
    ) -> list[str]:
        # jsonargparse 4.53 passes links on to functions, such as resnet18, that cannot take them.
        added: list[str] = super().add_function_arguments(*args, **kwargs)
        return added

    @override
    def instantiate(self, *args: Any, **kwargs: Any) -> Any:
        with self.guard():
            return super().instantiate(*args, **kwargs)

    @override
    def instantiate_classes(self, *args: Any, **kwargs: Any) -> Any:
        return self.instantiate(*args, **kwargs)  # Lightning 2.6 calls it by its old name

    @override
    def format_help(self, *args: Any, **kwargs: Any) -> str:
        text: str = super().format_help(*args, **kwargs)
        return re.sub(r"known\s+subclasses:\s+([^()]*)", _few, text)

    @override
    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        if not self.exit_on_error:  # one of jsonargparse's own attempts, not the user's command
            super().error(message, ex)
        sentence = explain(message, option_names(self))
        print(f"error: {printable(masked(sentence))}", file=sys.stderr)
        self.exit(2)


class Text(str):
    """A text that jsonargparse takes as it is: neither YAML nor the name of a file or an address.

    It does so for anything whose type is not `str` itself.
    """

    __slots__ = ()


def as_texts(content: Any) -> Any:
    """Copy a configuration of plain types, with its texts as `Text`."""
    if isinstance(content, dict):
        return {key: as_texts(value) for key, value in content.items()}
    if isinstance(content, list):
        return [as_texts(value) for value in content]
    return Text(content) if isinstance(content, str) else content


def without_texts(parsed: Any) -> Any:
    """Make the texts ordinary again of what has been parsed, which is changed."""
    if isinstance(parsed, Namespace):
        for key, value in vars(parsed).items():
            setattr(parsed, key, without_texts(value))
    elif type(parsed) in (list, tuple, set):
        return type(parsed)(map(without_texts, parsed))
    elif isinstance(parsed, dict):
        return {key: without_texts(value) for key, value in parsed.items()}
    return str(parsed) if isinstance(parsed, Text) else parsed


def _few(known: re.Match[str]) -> str:
    """Keep of hundreds of subclasses those of this project."""
    names = "".join(known[1].split()).split(",")
    kept = [name for name in names if name.startswith("src.")] or names[:_MANY]
    return f"known subclasses: {', '.join(kept)}" + (", ..." if len(kept) < len(names) else "")
