"""What a page tells of one run and of a group of runs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from src.evaluation.picture import Picture, data_address, png

# What an evaluation has written down must look like before it is believed.
SUMMARY = {
    **dict.fromkeys(("class_names?", "confusion?", "confused?", "mistakes?"), list),
    **dict.fromkeys(("accuracy?", "calibrated?", "classes?"), dict),
    **dict.fromkeys(("loss?", "ece?", "temperature?"), float),
    "undisputed?": (None, dict),
    "metrics?": {str: (None, float)},
    "rows?": {str: str},  # of the wing of a kind of task, as the two below
    "measured?": dict,
    "pictures?": [re.compile(r"\w{1,60}")],  # names of files beside it
    "sha256?": str,
}


@dataclass
class GroupSection:
    """What the page tells of a group of runs.

    Attributes:
        name: Name of the group.
        text: What its runs have in common, in lines.
        files: Its pictures, PNG.
    """

    name: str
    text: str
    files: Sequence[Path]

    def pictures(self) -> dict[str, str]:
        """Read the pictures.

        Returns:
            Data addresses by name.
        """
        return {
            file.stem.replace("_", " "): data_address("image/png", file.read_bytes())
            for file in self.files
        }


@dataclass
class Section:
    """What the page tells of a run.

    Attributes:
        name: Name of the run.
        metrics: Figures of its training by name.
        settings: Settings by name.
        sessions: Provenance of each session.
        curves: Points of each scalar, step and value.
        summary: Numbers of its evaluation, or None.
        folder: Folder of the files of its evaluation.
        commands: Commands by what they do.
        looks: How often the test set was looked at.
        images: Images of its most confident mistakes, `(N, C, H, W)`.
        notes: What a reader of a curve must know, by its name.
    """

    name: str
    metrics: dict[str, Any]
    settings: dict[str, Any]
    sessions: list[dict[str, Any]]
    curves: dict[str, list[tuple[int, float]]]
    summary: dict[str, Any] | None
    folder: Path
    commands: dict[str, str]
    looks: str = ""
    images: npt.NDArray[Any] | Sequence[Picture] = ()
    notes: dict[str, str] = field(default_factory=dict)

    def picture(self, name: str) -> str:
        """Read a picture of the evaluation.

        Args:
            name: Its name.

        Returns:
            Data address; empty if there is none.
        """
        path = self.folder / f"{name}.png"
        shown = path.is_file() and not path.is_symlink()  # which might lead to a private file
        return data_address("image/png", path.read_bytes()) if shown else ""

    def mistakes(self) -> list[dict[str, Any]]:
        """Join the most confident mistakes with their images.

        Returns:
            Label, prediction, probability and `picture` of each.
        """
        if self.summary is None or not len(self.images):
            return []
        return [
            mistake | {"picture": _image(image)}
            for mistake, image in zip(self.summary["mistakes"], self.images, strict=True)
        ]


def _image(image: Picture) -> str:
    last = np.moveaxis(image, 0, -1)  # (H, W, C)
    return data_address("image/png", png(last[..., 0] if last.shape[-1] == 1 else last))
