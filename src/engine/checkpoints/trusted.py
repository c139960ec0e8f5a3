"""The gate: what the configuration in a checkpoint may build, judged before anything is built.

A checkpoint comes from anywhere. A configuration that a command of the user has run on this machine
is the user's own and may do anything. Of any other, each class that it names must be on the list
(`allowed`), of a package that the user trusts (`consent`), or named by the user's command, too. It
is plain data in which there is one way to name a class, and its files stay in its run (`confined`).
Texts stay texts, and nothing else can be imported while it is parsed and built.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, cast

import yaml
from jsonargparse import Namespace
from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningArgumentParser

from src.engine.checkpoints.allowed import allowed_names, find_allowed
from src.engine.checkpoints.confined import class_parts, confine, keep_inside
from src.engine.checkpoints.consent import find_trusted, is_own, is_own_package, remember
from src.engine.checkpoints.published import options
from src.engine.console.jsonargparse_compat import importing_only, without_files
from src.engine.console.parser import OneLineParser, as_texts, without_texts
from src.engine.files.run import Run
from src.engine.records.config_file import DATA_PLACES, read_own, read_plain

_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_STRUCTURE = (Namespace, dict, list, tuple, set, ModuleType)


@dataclass
class Trusted:
    """A configuration out of a checkpoint, which may be built.

    Attributes:
        content: The configuration, in plain types; of a stranger's, folders and fetches are
            confined to the run.
        own: Whether a command of the user has run it on this machine.
        words: Words of the user's command; what they name is trusted.
    """

    content: dict[str, Any]
    own: bool = False
    words: Sequence[str] = ()

    @classmethod
    def read(cls, config: Any, words: Sequence[str] = (), run: Run | None = None) -> "Trusted":
        """Read the configuration in a checkpoint, if it can do no more than build a training.

        Args:
            config: What the checkpoint holds as its configuration.
            words: Words of the user's command.
            run: Run that goes on, which the configuration is confined to.

        Returns:
            The configuration; nothing that it names has been called, and only packages of the list
            and those that the user trusts have been imported.

        Raises:
            ValueError: It is no configuration, or names something else than parts of a training.
        """
        try:
            content = read_plain(config)
        except ValueError as error:
            raise ValueError(
                f"the checkpoint holds no configuration, {error}: give another one"
            ) from error
        if not isinstance(content, dict) or "config" in content or "model" not in content:
            raise ValueError("the checkpoint holds no configuration: give another one")
        trusted = cls(content, is_own(config), words)
        if not trusted.own:
            confine(content, trusted._find, run)
        return trusted

    @property
    def text(self) -> str:
        """The configuration as YAML."""
        return yaml.safe_dump(self.content, sort_keys=False)

    def parse(
        self, parser: LightningArgumentParser, words: Sequence[str] = (), only: Sequence[str] = ()
    ) -> Namespace:
        """Parse the configuration, then the words of a command.

        Args:
            parser: Parser of a training, or of parts of it.
            words: Words of the command that change settings.
            only: Parts of the configuration that are meant; none means all.

        Returns:
            What may be built.

        Raises:
            ValueError: It would build something else.
        """
        content = {name: self.content[name] for name in only or self.content}
        if self.own:
            return parser.parse_args(words, parser.parse_object(content))
        without_files(parser)
        cast(OneLineParser, parser).guard = self._guard
        with self._guard():
            parsed = parser.parse_object(as_texts(content))
            self._judge(content, parsed)
            parsed = parser.parse_args(words, parsed)
        plain: Namespace = without_texts(parsed)
        return plain

    def limit(self, data: Any) -> None:
        """Let a data set only read its folder, unless it is the user who has named that.

        Args:
            data: Data set that was made of the configuration, if there is one.

        Raises:
            FileNotFoundError: Its files are not there.
        """
        places = {f"data.{place}" for place in DATA_PLACES}
        named = any(option in places for option, _ in options(self.words))
        if hasattr(data, "download") and not self.own and not named:
            data.download = False
            data.prepare_data()  # refuses what is missing before a run begins

    def _find(self, name: str) -> Any:
        """Find what a name means, if it may be named; None if it is the command that names it."""
        if self._is_named(name):
            return None
        item = find_allowed(name)
        return find_trusted(name) if item is None else item

    def _is_named(self, name: str) -> bool:
        return any(value == name for _, value in options(self.words))

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Let nothing be imported but the list, what the configuration names and the command."""
        names = {part["class_path"] for part in class_parts(self.content)}
        found = [item for item in map(self._find, names) if isinstance(item, type)]
        names |= {f"{item.__module__}.{item.__qualname__}" for item in found}
        with importing_only(allowed_names(names) | names | self._names_of_command()):
            yield

    def _names_of_command(self) -> set[str]:
        """List what the words of the command may mean, as a loaded class by its bare name."""
        values = {value for _, value in options(self.words)}
        found = {name for value in values for name in _DOTTED.findall(value)}
        packages = {name.partition(".")[0] for name in found}
        found |= {package for package in packages if is_own_package(package)}
        for module in [*sys.modules.values()]:
            for name in values & getattr(module, "__dict__", {}).keys():
                item = vars(module)[name]
                if isinstance(item, type):
                    found |= {f"{module.__name__}.{name}", f"{item.__module__}.{item.__qualname__}"}
        return {name for name in found if all(map(str.isidentifier, name.split(".")))}

    def _judge(self, raw: Any, parsed: Any, where: str = "") -> None:
        """Compare what the configuration says with what would be built, at every depth."""
        if isinstance(raw, str) and (callable(parsed) or isinstance(parsed, _STRUCTURE)):
            listed = find_allowed(raw) is parsed  # such as an activation
            if not listed and not self._is_named(raw):
                raise ValueError(
                    f"{where} in the checkpoint is a text, {raw!r:.80}, where none may be"
                )
        if isinstance(parsed, Namespace | dict):
            items = vars(parsed) if isinstance(parsed, Namespace) else parsed
            if "class_path" in items:
                self._find(items["class_path"])
            for key, value in items.items():
                inner = raw.get(key) if isinstance(raw, dict) else None
                self._judge(inner, value, f"{where}.{key}".strip("."))
        elif isinstance(parsed, list | tuple):
            same = isinstance(raw, list) and len(raw) == len(parsed)
            for number, value in enumerate(parsed):
                self._judge(raw[number] if same else None, value, where)


def settle(trusted: Trusted | None, config: str, run: Run, trainer: Trainer) -> None:
    """Remember what a command of the user runs, and keep a stranger's configuration inside.

    Args:
        trusted: Configuration of the checkpoint that the run comes from, if it comes from one.
        config: Configuration that the run has now, as its checkpoints hold it.
        run: Its folders.
        trainer: Its trainer.
    """
    used = {part["class_path"] for part in class_parts(read_own(config))}
    foreign = trusted is not None and not trusted.own
    if trusted and foreign:
        used -= {part["class_path"] for part in class_parts(trusted.content)}
        keep_inside(trainer, run)
    if trainer.is_global_zero:
        remember(used, None if foreign else config)
