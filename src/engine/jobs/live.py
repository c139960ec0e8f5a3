"""The progress of several trainings at once."""

import sys
from collections.abc import Mapping
from typing import Any

from tqdm import tqdm

from src.engine.console.printable import printable
from src.engine.records.metric import number_text
from src.engine.records.run_record import RunRecord


class Live:
    """A bar for all trainings and one for each that goes on; into a file, only what is said.

    Args:
        count: Trainings at once.
    """

    def __init__(self, count: int) -> None:
        hidden = not sys.stderr.isatty()
        wide = "{desc:<14} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} {postfix}"
        whole = "{desc:<14} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}]"
        self._all: tqdm[Any] = tqdm(desc="runs", bar_format=whole, disable=hidden, total=1)
        self._bars: list[tqdm[Any]] = [
            tqdm(position=slot + 1, bar_format=wide, disable=hidden, leave=False, total=1)
            for slot in range(count)
        ]

    def close(self) -> None:
        """Clear the bars away."""
        for bar in (*self._bars, self._all):
            bar.close()

    def say(self, line: str) -> None:
        """Print a line that stays.

        Args:
            line: What to say; nothing is printed if it is empty.
        """
        if line:
            tqdm.write(printable(line), file=sys.stderr)

    def show(
        self, running: Mapping[int, tuple[str, RunRecord | None]], done: int, total: int
    ) -> None:
        """Bring the bars up to date.

        Args:
            running: Name and run of what goes on, by its place.
            done: Trainings that are done.
            total: All of them.
        """
        _set(self._all, "runs", done, total)
        for slot, bar in enumerate(self._bars):
            name, record = running.get(slot, ("", None))
            progress = record.progress if record else {}
            best = record.best_val if record else None
            name_of = record.headline.name if record and record.headline else ""
            text = "" if best is None else printable(f"{name_of} {number_text(best)}")
            bar.set_postfix_str(text, refresh=False)
            _set(bar, name, progress.get("step", 0), progress.get("steps") or 1)


def _set(bar: "tqdm[Any]", name: str, done: int, total: int) -> None:
    bar.set_description_str(printable(name), refresh=False)
    bar.total, bar.n = total, done
    bar.refresh()
