"""What a user's command names by itself."""

import re
import sys
from collections.abc import Iterator, Sequence

from src.engine.console.command_line import option_name

# Of these packages only what is on the list: they hold much that runs, reads and fetches.
_FRAMEWORKS = {"jsonargparse", "lightning", "pytorch_lightning", "src", "torch", "torchmetrics"} | {
    *("torchvision", "tensorboard", "numpy", "scipy", "matplotlib", "yaml", "setuptools", "pip"),
    *("checkpoints", "lightning_logs", "data", "__main__"),
}
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


def is_own_package(name: str) -> bool:
    """Tell whether a name is that of a user's package, or of a part of one.

    Args:
        name: Dotted or not.

    Returns:
        False for the frameworks, the standard library, folders of runs and data, and no names.
    """
    package = name.partition(".")[0]
    return package.isidentifier() and package not in _FRAMEWORKS | sys.stdlib_module_names


class Named:
    """The options of a command and what their values name.

    Args:
        words: Words of the command.
    """

    def __init__(self, words: Sequence[str] = ()) -> None:
        self._given = [*options(words)]

    def gives(self, option: str) -> bool:
        """Tell whether an option is given.

        Args:
            option: Name without dashes, such as `data.data_dir`.

        Returns:
            True if it is.
        """
        return any(given == option for given, _ in self._given)

    def has(self, name: str) -> bool:
        """Tell whether a value is exactly a name.

        Args:
            name: Dotted name, such as `math.exp`.

        Returns:
            True if an option has it as its value.
        """
        return any(value == name for _, value in self._given)

    def sets(self, where: str, name: str) -> bool:
        """Tell whether an option decides what stands at a place.

        Args:
            where: Place in a configuration, such as `model.init_args.network`.
            name: What stands there.

        Returns:
            True if an option sets that place, or a place around it by a value that has the name.
        """
        place = option_name(where)
        return any(
            option == place or (place.startswith(f"{option}.") and name in value)
            for option, value in self._given
        )

    def paths(self) -> set[str]:
        """List what the values may mean.

        Returns:
            Dotted names in the values, and those of loaded classes that a value names shortly.
        """
        dotted = {name for _, value in self._given for name in _DOTTED.findall(value)}
        found = dotted | {name.partition(".")[0] for name in dotted if is_own_package(name)}
        short = {value for _, value in self._given if value.isidentifier()}
        for module in [*sys.modules.values()]:
            for name in short & vars(module).keys() if hasattr(module, "__dict__") else ():
                item = vars(module)[name]
                if isinstance(item, type):
                    found |= {f"{module.__name__}.{name}", f"{item.__module__}.{item.__qualname__}"}
        return {name for name in found if all(part.isidentifier() for part in name.split("."))}


def options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Give each option of a command with its value.

    Args:
        words: Words of the command.

    Yields:
        Name without dashes, such as `data.data_dir`, and value.
    """
    for number, word in enumerate(words):
        if word.startswith("--"):
            option, equals, value = word.removeprefix("--").partition("=")
            following = words[number + 1] if number + 1 < len(words) else ""
            yield option_name(option.rstrip("+")), value if equals else following
