"""The gate: what the configuration in a checkpoint may build, judged before anything is built.

A checkpoint comes from anywhere. Its configuration is read as plain data; each class that it names
is looked up in a list; texts stay texts; and what has been parsed of it is judged once more, part
by part, before anything of it is called. A configuration that a command of the user has run on
this machine is the user's own and needs none of it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, cast

import yaml
from jsonargparse import Namespace
from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningArgumentParser

from src.engine.checkpoints.allowed import allowed_names, find_allowed
from src.engine.checkpoints.confined import confine, forbid_download, keep_inside
from src.engine.checkpoints.consent import find_consented, is_own, remember_own, remember_used
from src.engine.checkpoints.named import Named
from src.engine.checkpoints.spelled import class_parts, refuse_doubled, refuse_misspelled
from src.engine.console.jsonargparse_compat import importing_only, without_files
from src.engine.console.parser import OneLineParser, as_texts, without_texts
from src.engine.files.run import Run
from src.engine.records.plain import read_own, read_plain


@dataclass
class Trusted:
    """A configuration out of a checkpoint, which may be built.

    Attributes:
        content: The configuration, in plain types; of a stranger's, folders and fetches are
            confined to the run.
        own: Whether a command of the user has run it on this machine.
        named: What the command names itself, which it allows.
    """

    content: dict[str, Any]
    own: bool = False
    named: Named = field(default_factory=Named)

    @classmethod
    def read(cls, config: Any, words: Sequence[str] = (), run: Run | None = None) -> "Trusted":
        """Read the configuration in a checkpoint, if it can do no more than build a training.

        Args:
            config: What the checkpoint holds as its configuration.
            words: Words of the user's command; what they name is trusted.
            run: Run that goes on, which the configuration is confined to.

        Returns:
            The configuration; nothing that it names has been called, and only packages of the list
            and those that the user has used have been imported.

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
        trusted = cls(content, is_own(config), Named(words))
        if not trusted.own:
            refuse_misspelled(content)
            for part in class_parts(content):
                refuse_doubled(part, trusted._judged(part["class_path"]))
            confine(content, run)
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
        cast(OneLineParser, parser).guard = self.guard
        with self.guard():
            parsed = parser.parse_object(as_texts(content))
            self._judge(content, parsed, "")
            parsed = parser.parse_args(words, parsed)
            self._judge(content, parsed, "")
        plain: Namespace = without_texts(parsed)
        return plain

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Let nothing else be imported while jsonargparse works on a stranger's configuration.

        Yields:
            Nothing.
        """
        names = {part["class_path"] for part in class_parts(self.content)}
        found = [item for item in map(self._judged, names) if isinstance(item, type)]
        names |= {f"{item.__module__}.{item.__qualname__}" for item in found}
        allowed = {*allowed_names(iter(names)), *names, *self.named.paths()}
        with nullcontext() if self.own else importing_only(allowed):
            yield

    def limit(self, data: Any) -> None:
        """Let a data set only read its folder, unless it is the user who has named that.

        Args:
            data: Data set that was made of the configuration, if there is one.

        Raises:
            FileNotFoundError: Its files are not there.
        """
        if not self.own and not self.named.gives("data.data_dir") and forbid_download(data):
            data.prepare_data()  # refuses what is missing before a run begins

    def _judged(self, name: Any, where: str = "") -> Any:
        """Find what a name means, if it may be named; None if it is the command that names it."""
        if not isinstance(name, str):
            raise ValueError(f"the checkpoint names {name!r:.80} as a class, which is no name")
        if self.named.has(name) or (where and self.named.sets(where, name)):
            return None
        item = find_allowed(name)
        return find_consented(name) if item is None else item

    def _judge(self, raw: Any, parsed: Any, where: str = "") -> None:
        """Compare what the configuration says with what would be built, at every depth."""
        if isinstance(parsed, Namespace | dict):
            items = vars(parsed) if isinstance(parsed, Namespace) else parsed
            if "class_path" in items:
                self._judged(items["class_path"], where)
            for key, value in items.items():
                inner = raw.get(key) if isinstance(raw, dict) else None
                self._judge(inner, value, f"{where}.{key}".strip("."))
        elif isinstance(parsed, list | tuple):
            same = isinstance(raw, list) and len(raw) == len(parsed)
            for number, value in enumerate(parsed):
                self._judge(raw[number] if same else None, value, where)
        if isinstance(raw, str):
            self._judge_text(raw, parsed, where)

    def _judge_text(self, raw: str, parsed: Any, where: str) -> None:
        """Refuse a text that became a class, a function or a structure."""
        structure = isinstance(parsed, Namespace | dict | list | tuple | set | ModuleType)
        if not structure and not callable(parsed):
            return
        listed = find_allowed(raw) is parsed  # such as an activation
        if not listed and not self.named.has(raw) and not self.named.sets(where, raw):
            raise ValueError(f"{where} in the checkpoint is a text, {raw!r:.80}, where none may be")


def settle(trusted: Trusted | None, config: str, run: Run, trainer: Trainer) -> None:
    """Remember what a command of the user runs, and keep a stranger's configuration inside.

    Args:
        trusted: Configuration of the checkpoint that the run comes from, if it comes from one.
        config: Configuration that the run has now, as its checkpoints hold it.
        run: Its folders.
        trainer: Its trainer.
    """
    used = {part["class_path"] for part in class_parts(read_own(config))}
    if trusted and not trusted.own:
        used -= {part["class_path"] for part in class_parts(trusted.content)}
        keep_inside(trainer, run)
    elif trainer.is_global_zero:
        remember_own(config)
    if trainer.is_global_zero:
        remember_used(used)
