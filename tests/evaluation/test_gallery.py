"""Images in rows."""

import pytest
import torch

from src.evaluation.gallery import draw_gallery
from src.evaluation.picture import pixels


def test_gallery_shows_each_image_once() -> None:
    image = torch.zeros(11, 1, 28, 28, dtype=torch.uint8)
    figure = draw_gallery(image, [f"image {n}" for n in range(11)], "what it means")
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == [f"image {n}" for n in range(11)]
    assert len(axes.images) == 11
    assert figure.canvas.get_width_height() == (1200, 432)  # eight in a row
    assert axes.get_position().bounds == pytest.approx((0, 0, 1, 3.3 / 3.6))
    assert (axes.get_xlim(), axes.get_ylim(), axes.axison) == ((0, 8), (2, 0), False)
    assert [text.get_text() for text in figure.texts] == ["what it means"]
    assert axes.images[9].get_extent() == pytest.approx([1.08, 1.92, 1.98, 1.32])
    assert axes.texts[9].get_position() == (1.5, 1.28)
    look = {(text.get_ha(), text.get_va(), text.get_fontsize()) for text in axes.texts}
    assert look == {("center", "bottom", 8)}


def test_gallery_shows_grey_as_it_is() -> None:
    image = torch.tensor([0, 100], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 1, 8, 8)
    drawn = pixels(draw_gallery(image, ["", ""], columns=1))
    assert drawn.shape == (432, 600, 3)
    assert (drawn[180, 75].tolist(), drawn[380, 75].tolist()) == ([0] * 3, [100] * 3)
    assert (drawn[56] == 255).all()


def test_gallery_of_nothing_is_empty() -> None:
    figure = draw_gallery(torch.zeros(0, 1, 28, 28, dtype=torch.uint8), [])
    (axes,) = figure.axes
    assert not axes.images
    assert figure.canvas.get_width_height() == (600, 234)  # a place for one


def test_gallery_takes_colour() -> None:
    image = torch.full((1, 3, 8, 8), 255, dtype=torch.uint8)
    image[:, 1:] = 0
    drawn = pixels(draw_gallery(image, ["red"])).reshape(-1, 3)
    assert [255, 0, 0] in drawn.tolist()


def test_long_titles_fit_above_their_images() -> None:
    titles = ["cat, not dog\n99.0%", "Sneaker, not Ankle boot\n99.1%"]
    (axes,) = draw_gallery(torch.zeros(2, 1, 4, 4).byte(), titles).axes
    short, long = (text.get_fontsize() for text in axes.texts)
    assert (short, long) == (8, pytest.approx(8 * 20 / 23))
