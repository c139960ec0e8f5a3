"""Figures and images as pixels and as files."""

import io
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from src.evaluation.picture import pixels, png


def test_figure_becomes_its_pixels() -> None:
    drawn = pixels(Figure(figsize=(2, 1), dpi=50, facecolor="red"))
    assert drawn.shape == (50, 100, 3)
    assert (drawn == [255, 0, 0]).all()


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 3)])
def test_file_gives_the_pixels_back(shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png(picture)))), picture)


def test_page_is_made_without_torch() -> None:
    code = "import sys, src.evaluation.page; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
