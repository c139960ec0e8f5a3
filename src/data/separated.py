"""Digits that stand side by side on a page, each by itself."""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from src.data.written import NEAR, TALL, Grey, Mask, Whole

_SHARED = 0.5  # share of the columns of the narrower mark from which two are one digit
_MARGIN = 0.2  # of a digit's height that is cut out around it


class Box(NamedTuple):
    """Where a digit is in a picture [px]; the right and the lower end are not in it."""

    left: int
    top: int
    right: int
    bottom: int


class Cut(NamedTuple):
    """A digit, or a run of its pieces, on a small page of its own.

    Attributes:
        first: Number of its first piece.
        stop: Number of the piece after its last.
        ink: Ink of the small page, (H, W), in `[0, 1]`.
        mark: Where it is there.
        box: Where it is on the whole page.
    """

    first: int
    stop: int
    ink: Grey
    mark: Mask
    box: Box


def separated(mark: Mask) -> list[Mask]:
    """Separate the digits of a number.

    Args:
        mark: What is written on a page, (H, W).

    Returns:
        Where each digit is, from left to right; digits that touch are one.

    Raises:
        ValueError: They stand in several lines, or something among them is no digit.
    """
    marks, _ = ndimage.label(mark, NEAR)
    boxes = [_box(place) for place in ndimage.find_objects(marks)]
    tallest = max(_height(box) for box in boxes)
    groups: list[list[int]] = []
    for number in sorted(range(len(boxes)), key=lambda number: -_height(boxes[number])):
        shares = [_shared(boxes[number], boxes[group[0]]) for group in groups]
        nearest = int(np.argmax(shares)) if shares else -1
        tall = _height(boxes[number]) >= TALL * tallest
        if shares and shares[nearest] >= _SHARED:
            if tall and _is_apart(boxes[number], boxes[groups[nearest][0]]):
                raise ValueError("more than one line is written")
            groups[nearest].append(number)
        elif tall:
            groups.append([number])
        else:
            raise ValueError("a mark beside the digits is no digit")
    groups.sort(key=lambda group: boxes[group[0]].left)
    return [np.isin(marks, np.add(group, 1)) for group in groups]


def cut_out(ink: Grey, digits: Sequence[Sequence[Mask]]) -> list[list[Cut]]:
    """Cut each digit out of its page, whole and in runs of its pieces, without the rest.

    Args:
        ink: Ink of the page, (H, W), in `[0, 1]`.
        digits: Where the pieces of each digit are, from left to right.

    Returns:
        All runs of the pieces of each digit; the whole is the first.
    """
    owner = np.zeros(ink.shape, int)
    for number, piece in enumerate(chain.from_iterable(digits), start=1):
        owner[piece] = number
    mark = owner > 0
    places = ndimage.distance_transform_edt(~mark, return_distances=False, return_indices=True)
    owner = owner[tuple(places)]
    found, first = [], 1
    for pieces in digits:
        count = len(pieces)
        runs = [(a, b) for a in range(count) for b in range(count, a, -1)]
        found.append([_cut(ink, mark, owner - first, run) for run in runs])
        first += count
    return found


def _cut(ink: Grey, mark: Mask, owner: Whole, run: tuple[int, int]) -> Cut:
    own = (run[0] <= owner) & (owner < run[1])
    box = _box(ndimage.find_objects((mark & own).astype(int))[0])
    margin = max(2, round(_MARGIN * _height(box)))
    place = (
        slice(max(0, box.top - margin), box.bottom + margin),
        slice(max(0, box.left - margin), box.right + margin),
    )
    return Cut(*run, np.where(own, ink, 0)[place], (mark & own)[place], box)


def _box(place: tuple[slice, ...]) -> Box:
    rows, columns = place
    return Box(columns.start, rows.start, columns.stop, rows.stop)


def _height(box: Box) -> int:
    return box.bottom - box.top


def _shared(one: Box, other: Box) -> float:
    """Say how much of the columns of the narrower box both have; none is negative."""
    both = min(one.right, other.right) - max(one.left, other.left)
    return both / min(one.right - one.left, other.right - other.left)


def _is_apart(one: Box, other: Box) -> bool:
    return one.bottom <= other.top or other.bottom <= one.top
