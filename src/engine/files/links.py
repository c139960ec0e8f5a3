"""Links in the folders of a run, which may come from a stranger."""

import os
from itertools import chain
from pathlib import Path

from src.engine.console.shown import shown


def refuse_links(*folders: Path) -> None:
    """Refuse folders to write in if they are links, or if a link in them leads out of them.

    Args:
        *folders: Folders, which need not be there.

    Raises:
        ValueError: There is such a link.
    """
    for folder in folders:
        here = Path(os.path.realpath(folder.parent), folder.name)
        inner = (Path(place, name) for place, *names in os.walk(folder) for name in chain(*names))
        for path in chain([folder], inner):
            if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(here):
                raise ValueError(
                    f"{shown(path)} is a link to another folder, and nothing is written through "
                    "it: remove the link, or replace it by a copy"
                )
