"""Pictures of a regression."""

import numpy as np
import pytest
from matplotlib.axes import Axes

from src.evaluation.regression.figures import draw_parity, draw_residuals


def extent(axes: Axes) -> list[float]:
    (points,) = axes.collections
    found: list[float] = np.abs(np.asarray(points.get_offsets())).max(axis=0).tolist()
    return found


@pytest.mark.parametrize("count", [50, 3000])
def test_points_are_where_they_are(count: int) -> None:
    target = np.linspace(-1, 1, count)
    (axes,) = draw_parity(2 * target, target, "angle", "degrees").axes
    assert extent(axes) == pytest.approx([1, 2], abs=0.05)
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "true angle [degrees]",
        "estimated angle [degrees]",
    )
    left, right = draw_residuals(2 * target, target, "x", "").axes
    assert extent(left) == pytest.approx([2, 1], abs=0.05)
    assert left.get_ylabel() == "estimated minus true x"
    assert sum(bar.get_width() for bar in right.patches) == count
