import numpy as np
import pytest

from src.data.touching import pieces
from src.data.written import Mask
from tests.data.test_written import seven


def ring(left: int) -> Mask:
    """Draw a circle, 60 px high, on a page of 100 x 240 px."""
    down, across = np.indices((100, 240))
    radius = np.hypot(down - 50, across - left - 30)
    return (radius <= 30) & (radius > 22)


def test_mark_is_cut_where_least_ink_is_crossed() -> None:
    both = ring(20) | ring(86)
    both[48:52, 75:90] = True  # a bar joins them
    found = pieces(both)
    edges = [np.flatnonzero(piece.any(0))[0] for piece in found[1:]]
    assert any(75 <= edge <= 86 for edge in edges)
    assert np.array_equal(sum(piece.astype(int) for piece in found), both)


def test_cut_goes_round_a_slanting_stroke() -> None:
    mark = np.zeros((100, 140), bool)
    for row in range(80):
        for left in (20 + row // 2, 60 + row // 2):
            mark[10 + row, left : left + 10] = True
    mark[48:51, 40:80] = True  # a thin bar joins two strokes; no straight cut parts them
    strokes = [mark & (np.indices(mark.shape)[1] < 46 + (np.arange(100)[:, None] - 10) // 2)]
    strokes.append(mark & ~strokes[0])
    found = pieces(mark)
    runs = [np.any(found[: stop + 1], axis=0) for stop in range(len(found))]
    assert max((run & strokes[0]).sum() / (run | strokes[0]).sum() for run in runs) > 0.95


@pytest.mark.parametrize(("width", "count"), [(40, 1), (100, 9)])
def test_narrow_mark_stays_whole(width: int, count: int) -> None:
    mark = np.zeros((120, 200), bool)
    mark[10:110, 20 : 20 + width] = True
    assert len(pieces(mark)) == count


def test_no_piece_is_a_speck() -> None:
    for piece in pieces(seven()):
        assert piece.sum() >= 0.02 * seven().sum()
