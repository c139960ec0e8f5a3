"""Where digits that touch one another may be cut apart."""

import numpy as np
import numpy.typing as npt

from src.data.written import Mask, Whole

_NARROWEST = 0.5  # width through height up to which a mark is one digit
_SLANT = 0.3  # pixels of ink that a cut rather crosses than to move by one column
_MOST = 8  # cuts of a mark
_APART = 0.08  # distance of two cuts, share of the height
_SIDE = 0.1  # share of the width, at both sides, where no cut begins
_SPECK = 0.02  # share of the mark's ink that a piece has at least
_STEPS = np.array([0, -1, 1])  # columns, to the row before


def pieces(digit: Mask) -> list[Mask]:
    """Cut a mark, from top to bottom, where the least ink is crossed.

    Args:
        digit: A mark and nothing else, (H, W).

    Returns:
        Its pieces, from left to right; one, if it is narrow.

    References:
        Casey and Lecolinet, "A survey of methods and strategies in character segmentation", IEEE
        Transactions on Pattern Analysis and Machine Intelligence, 1996. doi:10.1109/34.506792
    """
    rows, columns = (np.flatnonzero(digit.any(axis)) for axis in (1, 0))
    place = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    cut = digit[place]
    height, width = cut.shape
    if width <= _NARROWEST * height:
        return [digit]
    found, rest = [], cut
    for column in _cuts(cut):
        left = rest & (np.arange(width) < column[:, None])
        if min(left.sum(), (rest & ~left).sum()) >= max(1, _SPECK * cut.sum()):
            found.append(left)
            rest = rest & ~left
    whole = [np.zeros_like(digit) for _ in (*found, rest)]
    for piece, part in zip(whole, (*found, rest), strict=True):
        piece[place] = part
    return whole


def _cuts(ink: Mask) -> list[Whole]:
    """Find the cheapest ways down, from left to right; gives the column in each row, (H,)."""
    height, width = ink.shape
    middle, side = height // 2, int(_SIDE * width)
    (above, up), (below, down) = _cheapest(ink[: middle + 1]), _cheapest(ink[middle:][::-1])
    kept: list[int] = []
    costs = (above + below - ink[middle])[side : width - side]
    for column in side + np.argsort(costs, kind="stable"):
        if len(kept) < _MOST and all(abs(column - other) > _APART * height for other in kept):
            kept.append(int(column))
    return [np.array([*_way(up, column)[::-1], *_way(down, column)[1:]]) for column in sorted(kept)]


def _cheapest(ink: Mask) -> tuple[npt.NDArray[np.float64], Whole]:
    """Give the cost of the way from the first row to each column of the last, and all steps."""
    cost = ink[0].astype(float)
    steps = np.zeros(ink.shape, int)
    for row in range(1, len(ink)):
        around = np.pad(cost, 1, constant_values=np.inf)
        ways = np.stack([cost, around[:-2] + _SLANT, around[2:] + _SLANT])
        best = ways.argmin(0)
        steps[row] = _STEPS[best]
        cost = ways.min(0) + ink[row]
    return cost, steps


def _way(steps: Whole, column: int) -> list[int]:
    """Go back from a column of the last row to the first."""
    way = [column]
    for step in steps[:0:-1]:
        way.append(way[-1] + int(step[way[-1]]))
    return way
