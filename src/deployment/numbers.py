"""What a classifier says of pictures of numbers, digit by digit, as a table, as JSON and as CSV."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms.functional import rotate

from src.deployment.answers import BILINEAR, Answer, classify, looked_at
from src.engine.console.printable import spreadsheet_cell
from src.engine.console.table import table

Box = tuple[int, int, int, int]  # left, top, right and bottom in the picture [px]
# A run of the pieces of a mark: its first, the one after its last, image `(C, H, W)` and place.
Part = tuple[int, int, Tensor, Box]
# Chosen on training images of MNIST: of 1,500 as they are 0.2 % are cut, of 400 drawn large 0.5 %,
# and of 489 pairs that touch 75 %, five sixths of them into the right digits.
_TALL = 0.5  # share of the height of what is cut that both parts have, at least
_SURER = 5.0  # logarithm by which the odds of the least sure part exceed those of the whole, less
_WIDE = 4.0  # the width of that through its height, times this, and more
_MORE = 1.0  # for each part beyond two
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
    classifier: nn.Module, file: str, marks: Sequence[Sequence[Part]], names: Sequence[str]
) -> Number:
    """Classify all that was found in a picture.

    Args:
        classifier: Maps images in `[0, 1]` to logits and probabilities, `(B, K)`.
        file: Name of the picture.
        marks: Parts of each mark.
        names: Name of each of the K classes.

    Returns:
        What it says.
    """
    parts = [part for mark in marks for part in chosen(classifier, mark)]
    answers = classify(classifier, [(file, image) for *_, image, _ in parts], names)
    return Number(file, answers, [(*box,) for *_, box in parts])


def chosen(
    classifier: nn.Module, parts: Sequence[Part], angles: Sequence[float] = ()
) -> list[Part]:
    """Choose between a mark as one thing and what it may be cut into.

    Args:
        classifier: Maps images in `[0, 1]` to logits and probabilities, `(B, K)`.
        parts: All runs of its pieces, the whole first.
        angles: By which the whole is turned, too; its surest view counts [degrees].

    Returns:
        Parts that make up the whole, from left to right.
    """
    if len(parts) == 1:
        return [*parts]
    images = [image for *_, image, _ in parts]
    images += [rotate(images[0], angle, BILINEAR) for angle in angles]
    sure = torch.logit(looked_at(classifier, images).amax(dim=1), eps=1e-6)
    sure[0] = max(sure[0], *sure[len(parts) :]) if angles else sure[0]
    runs = {
        (part[0], part[1]): (odds, [part]) for odds, part in zip(sure.tolist(), parts, strict=False)
    }
    tall = {(part[0], part[1]): part[3][3] - part[3][1] for part in parts}  # height [px]
    for first, stop in sorted(runs, key=lambda run: run[1] - run[0]):
        odds, (part,) = runs[first, stop]
        cuts = [
            (runs[first, cut], runs[cut, stop])
            for cut in range(first + 1, stop)
            if min(tall[first, cut], tall[cut, stop]) >= _TALL * tall[first, stop]
        ]
        halves = [
            (min(left, right) - _MORE * (len(before + after) - 2), before + after)
            for (left, before), (right, after) in cuts
        ]
        best, digits = max(halves, key=lambda half: half[0], default=(-torch.inf, [part]))
        left, _, right, _ = part[3]
        if best - odds + _WIDE * (right - left) / tall[first, stop] > _SURER:
            runs[first, stop] = best, digits
    return runs[parts[0][0], parts[0][1]][1]


def alone(
    classifier: nn.Module,
    from_picture: Callable[[Image.Image], Tensor],
    one_from_picture: Callable[[Image.Image], Sequence[Part]] | None,
    angles: Sequence[float] = (),
) -> Callable[[Image.Image], Tensor]:
    """Read one thing in a picture, and refuse one in which the classifier rather reads several.

    Args:
        classifier: Maps images in `[0, 1]` to logits and probabilities, `(B, K)`.
        from_picture: Gives the image of the thing, `(C, H, W)`, `uint8`.
        one_from_picture: Gives all runs of its pieces, the whole first; None if it has none.
        angles: By which it is turned, too; its surest view counts [degrees].

    Returns:
        Gives the image of the thing, or raises ValueError.
    """
    if one_from_picture is None:
        return from_picture

    def read(picture: Image.Image) -> Tensor:
        parts = one_from_picture(picture)
        count = len(chosen(classifier, parts, angles))
        if count > 1:
            raise ValueError(f"more than one digit ({count} found)")
        return parts[0][2]

    return read


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
