"""Digits that stand side by side on a page, each by itself."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from src.data.written import NEAR, TALL, Grey, Mask

_SHARED = 0.5  # share of the columns of the narrower mark from which two are one digit
# Two digits that touch are wide, or a thin stroke joins two tall parts: 0.9 % of 3,000 validation
# images of MNIST look so, and 56 % of 1,500 pairs of them that touch.
_WIDEST, _WIDE = 1.5, 0.9  # width through height
_NECK, _BESIDE = 0.3, 0.8  # shares of the height: of that stroke, and of the parts on both sides
_MARGIN = 0.2  # of a digit's height that is cut out around it


class Box(NamedTuple):
    """Where a digit is in a picture [px]; the right and the lower end are not in it."""

    left: int
    top: int
    right: int
    bottom: int


def separated(mark: Mask) -> list[Mask]:
    """Separate the digits of a number.

    Args:
        mark: What is written on a page, (H, W).

    Returns:
        Where each digit is, from left to right.

    Raises:
        ValueError: They touch, stand in several lines, or something among them is no digit.
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
    digits = [np.isin(marks, np.add(group, 1)) for group in groups]
    joined = [place for place, digit in enumerate(digits, start=1) if _is_joined(digit)]
    if joined:
        raise ValueError(f"digits touch one another: mark {joined[0]} of {len(digits)}")
    return digits


def cut_out(ink: Grey, digits: Sequence[Mask]) -> list[tuple[Grey, Mask, Box]]:
    """Cut each digit out of its page, without what is nearer to another one.

    Args:
        ink: Ink of the page, (H, W), in `[0, 1]`.
        digits: Where each digit is.

    Returns:
        Ink and mark of a small page with each digit alone, and where it is on the page.
    """
    owner = np.zeros(ink.shape, int)
    for number, digit in enumerate(digits, start=1):
        owner[digit] = number
    places = ndimage.distance_transform_edt(owner == 0, return_distances=False, return_indices=True)
    owner = owner[tuple(places)]
    found = []
    for number, digit in enumerate(digits, start=1):
        box = _box(ndimage.find_objects(digit.astype(int))[0])
        margin = max(2, round(_MARGIN * _height(box)))
        rows = slice(max(0, box.top - margin), box.bottom + margin)
        columns = slice(max(0, box.left - margin), box.right + margin)
        own = np.where(owner == number, ink, 0)
        found.append((own[rows, columns], digit[rows, columns], box))
    return found


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


def _is_joined(digit: Mask) -> bool:
    cut = digit[ndimage.find_objects(digit.astype(int))[0]]
    height, width = cut.shape
    if not _WIDE * height < width <= _WIDEST * height:
        return bool(width > _WIDEST * height)
    for column in range(width // 4, 3 * width // 4 + 1):
        stroke = cut[:, column]
        thin = ndimage.label(stroke)[1] <= 1 and stroke.mean() <= _NECK
        parts = cut[:, :column], cut[:, column + 1 :]
        if thin and min(np.ptp(np.flatnonzero(part.any(1))) + 1 for part in parts) >= (
            _BESIDE * height
        ):
            return True
    return False
