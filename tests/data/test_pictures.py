import numpy as np
import pytest
import torch
from PIL import Image

from src.data.pictures import fitted, light_on_black


def test_long_side_is_cut_and_the_rest_resized() -> None:
    picture = Image.new("RGB", (60, 20), "red")
    picture.paste((0, 0, 200), (20, 0, 40, 20))
    image = fitted(picture, (3, 10, 10))
    assert image.shape == (3, 10, 10)
    assert image[:2, 1:-1, 1:-1].max() == 0
    assert (image[2, 1:-1, 1:-1].int() - 200).abs().max() < 5
    assert fitted(picture, (1, 4, 8)).shape == (1, 4, 8)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I", "F", "I;16", "YCbCr"])
def test_every_mode_is_read(mode: str) -> None:
    picture = Image.new("L", (8, 8))
    picture.paste(255, (0, 0, 8, 4))
    wide = np.asarray(picture).astype(np.uint16) * 100
    other = Image.fromarray(wide) if mode == "I;16" else picture.convert(mode)
    rows = fitted(other, (3, 8, 8)).float().mean((0, 2))
    assert rows[:4].min() > 250
    assert rows[4:].max() < 5


def test_what_can_be_seen_through_is_white() -> None:
    assert fitted(Image.new("RGBA", (4, 4), (9, 9, 9, 0)), (1, 4, 4)).min() == 255


def test_orientation_of_a_camera_is_applied() -> None:
    picture = Image.new("L", (8, 8))
    picture.paste(255, (0, 0, 8, 4))
    picture.getexif()[0x0112] = 6  # to be shown turned by 90 degrees clockwise
    assert fitted(picture, (1, 8, 8))[0, 0].tolist() == [0] * 4 + [255] * 4


@pytest.mark.parametrize("ground", [0, 255])
def test_thing_is_light_on_black_and_fills_the_image(ground: int) -> None:
    picture = Image.new("L", (100, 60), ground)
    picture.paste(255 - ground, (20, 10, 40, 50))
    image = light_on_black(picture)
    assert (image.shape, image.dtype) == ((1, 28, 28), torch.uint8)
    rows, columns = (image[0].amax(axis).nonzero().flatten() for axis in (1, 0))
    assert (len(rows), len(columns)) == (28, 14)
    assert (int(columns[0]), image.max()) == (7, 255)


def test_blank_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="the picture is blank"):
        light_on_black(Image.new("RGB", (9, 9), "navy"))
