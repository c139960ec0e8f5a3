"""What a classifier says of pictures of numbers, digit by digit, as a table, as JSON and as CSV."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

from torch import Tensor, nn

from src.deployment.answers import Answer, classify
from src.engine.console.printable import spreadsheet_cell
from src.engine.console.table import table

Box = tuple[int, int, int, int]  # left, top, right and bottom in the picture [px]
_SIDES = ("left", "top", "right", "bottom")


@dataclass(frozen=True)
class Number:
    """What several things in a picture are, from left to right.

    Attributes:
        file: Name of the picture.
        answers: What each is.
        boxes: Where each is.
    """

    file: str
    answers: list[Answer]
    boxes: list[Box]

    @property
    def text(self) -> str:
        """All predictions, one after another."""
        return "".join(answer.prediction for answer in self.answers)

    @property
    def probability(self) -> float:
        """Smallest probability of a prediction."""
        return min(answer.probability for answer in self.answers)


def read_number(
    classifier: nn.Module, file: str, parts: Sequence[tuple[Tensor, Box]], names: Sequence[str]
) -> Number:
    """Classify all that was found in a picture.

    Args:
        classifier: Maps images in `[0, 1]` to logits and probabilities, `(B, K)`.
        file: Name of the picture.
        parts: Image, `(C, H, W)`, `uint8`, and place of each.
        names: Name of each of the K classes.

    Returns:
        What it says.
    """
    answers = classify(classifier, [(file, image) for image, _ in parts], names)
    return Number(file, answers, [(*box,) for _, box in parts])


def as_table(numbers: Sequence[Number]) -> str:
    """Lay numbers out in aligned columns, with the smallest probability of their digits.

    Args:
        numbers: What was said.

    Returns:
        Lines, without a newline at the end.
    """
    rows = [(each.file, each.text, f"{each.probability:.4f}") for each in numbers]
    return table([("file", "number", "probability"), *rows])


def as_json(numbers: Sequence[Number], refused: Mapping[str, str] | None = None) -> str:
    """Write numbers as a list of objects, and after them what got none.

    Args:
        numbers: What was said.
        refused: Reason why a picture got no answer, by its file.

    Returns:
        JSON.
    """
    said: list[dict[str, Any]] = [
        {
            "file": each.file,
            "number": each.text,
            "probability": each.probability,
            "digits": [
                answer.choice | {"box": box}
                for answer, box in zip(each.answers, each.boxes, strict=True)
            ],
        }
        for each in numbers
    ]
    said += [{"file": file, "error": reason} for file, reason in (refused or {}).items()]
    return json.dumps(said, indent=2)


def as_csv(numbers: Sequence[Number], refused: Mapping[str, str] | None = None) -> str:
    """Write a row for each digit, and after them one for each picture that got no answer.

    Args:
        numbers: What was said.
        refused: Reason why a picture got no answer, by its file.

    Returns:
        CSV with a header, without a newline at the end.
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "number", "place", "prediction", "probability", *_SIDES, "error"])
    for each in numbers:
        for place, (answer, box) in enumerate(zip(each.answers, each.boxes, strict=True), start=1):
            choice = place, answer.prediction, answer.probability, *box, ""
            writer.writerow(map(spreadsheet_cell, [each.file, each.text, *choice]))
    for file, reason in (refused or {}).items():
        writer.writerow(map(spreadsheet_cell, [file, *[""] * (4 + len(_SIDES)), reason]))
    return text.getvalue().rstrip("\n")


FORMATS: dict[str, Callable[[Sequence[Number], Mapping[str, str]], str]] = {
    "table": lambda numbers, _: as_table(numbers),
    "json": as_json,
    "csv": as_csv,
}
