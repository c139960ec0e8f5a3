"""A command line whose errors are one line: what was wrong, where, and the nearest right name."""

import re
import sys
from typing import Any, NoReturn

from lightning.pytorch.cli import LightningArgumentParser
from typing_extensions import override

from src.experiment.explain import explain

_MANY = 6


class OneLineParser(LightningArgumentParser):
    """LightningCLI's parser, with errors of one line and without abbreviated options."""

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
    def format_help(self, *args: Any, **kwargs: Any) -> str:
        text: str = super().format_help(*args, **kwargs)
        return re.sub(r"known\s+subclasses:\s+([^()]*)", _few, text)

    @override
    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        if not self.exit_on_error:  # one of jsonargparse's own attempts, not the user's command
            super().error(message, ex)
        print(f"error: {explain(message, self._option_string_actions)}", file=sys.stderr)
        self.exit(2)


def _few(known: re.Match[str]) -> str:
    """Keep of hundreds of subclasses those of this project."""
    names = "".join(known[1].split()).split(",")
    kept = [name for name in names if name.startswith("src.")] or names[:_MANY]
    return f"known subclasses: {', '.join(kept)}" + (", ..." if len(kept) < len(names) else "")
