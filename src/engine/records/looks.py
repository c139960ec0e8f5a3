"""How many looks at the test set the results of some folders rest on."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from src.engine.records.ledger import counted, looks
from src.engine.records.run_record import RunRecord

_NAMED = 3  # runs that a line names


class Looks:
    """Looks at the test set that ledgers count, and tests that they lack; each is read once.

    Args:
        roots: Folders of the runs.
    """

    def __init__(self, roots: Iterable[Path]) -> None:
        self._found: list[dict[str, Any]] = []
        self._lacking: list[str] = []
        for root in sorted(set(roots)):
            here = looks(root)
            listed = {str(look.get("run")) for look in here}
            records = [record for record in RunRecord.all(root) if record.name not in listed]
            self._lacking += [record.name for record in records if _was_tested(record)]
            self._found += here

    def text(self, config: str | None = None) -> str:
        """Say how many there are, and which are lacking.

        Args:
            config: Digest of a configuration, for a sentence that also names its own looks.

        Returns:
            A sentence without its end.
        """
        text, count = counted(self._found, config), len(self._lacking)
        if count:
            named = ", ".join(self._lacking[:_NAMED]) + ", ..." * (count > _NAMED)
            text += f"; tested, but not in the ledger, which was deleted or cut: {named}"
            text += f" ({count} runs)" * (count > _NAMED)
        return text


def _was_tested(record: RunRecord) -> bool:
    with suppress(OSError, ValueError):  # a damaged run is not the one that is asked for
        return "test_s" in record.metrics
    return False
