from contextlib import suppress

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from src.data.centred_digit import (
    _boxed,
    _centred,
    _opaque,
    _reduced,
    centred_digit,
    centred_digits,
    one_digit,
)


def seven(side: int = 200, at: tuple[int, int] = (60, 40), size: int = 100) -> Image.Image:
    """Draw a white seven on black, with the upper left corner of its box at a position."""
    picture = Image.new("L", (side, side))
    left, top = at
    corners = [(left, top), (left + size * 3 // 5, top), (left + size // 5, top + size)]
    ImageDraw.Draw(picture).line(corners, 255, size // 10, "curve")
    return picture


def inverted(picture: Image.Image) -> Image.Image:
    return picture.point(lambda value: 255 - value)


def assert_alike(image: Tensor, other: Tensor, share: float = 0.02) -> None:
    """Compare ink: the differences are at most a share of it."""
    difference = (image.int() - other.int()).abs().sum()
    assert difference <= share * other.int().sum()


def test_image_is_like_those_of_mnist() -> None:
    image = centred_digit(seven())
    assert (image.shape, image.dtype) == ((1, 28, 28), torch.uint8)
    assert (image.min(), image.max()) == (0, 255)
    rows, columns = (image[0].amax(axis).nonzero().flatten() for axis in (1, 0))
    assert rows[-1] - rows[0] + 1 == 20
    assert columns[-1] - columns[0] + 1 < 20


def test_centre_of_mass_is_the_middle() -> None:
    mass = centred_digit(seven())[0].double()
    places = torch.arange(28.0, dtype=torch.float64)
    for axis in (0, 1):
        centre = (mass.sum(1 - axis) * places).sum() / mass.sum()
        assert abs(centre - 14) <= 0.5


def test_whole_is_the_first_of_the_parts() -> None:
    parts = one_digit(seven())
    assert torch.equal(parts[0].image, centred_digit(seven()))
    count = parts[0].stop
    assert count > 1
    runs = [(first, stop) for first in range(count) for stop in range(count, first, -1)]
    assert [(part.first, part.stop) for part in parts] == runs
    assert all(part.image.shape == (1, 28, 28) and part.image.any() for part in parts)
    assert np.abs(np.subtract(parts[0].box, (55, 35, 125, 145))).max() <= 5


def test_digit_of_mnist_stays_as_it_is() -> None:
    image = centred_digit(seven())
    assert_alike(centred_digit(Image.fromarray(image[0].numpy())), image)


def test_polarity_makes_no_difference() -> None:
    assert_alike(centred_digit(inverted(seven())), centred_digit(seven()), 0)


@pytest.mark.parametrize("at", [(6, 6), (130, 90), (30, 94)])
def test_position_makes_no_difference(at: tuple[int, int]) -> None:
    assert_alike(centred_digit(seven(at=at)), centred_digit(seven()), 0.04)


@pytest.mark.parametrize("times", [2, 5, 20])
def test_scale_makes_little_difference(times: int) -> None:
    large = centred_digit(seven(200 * times, (60 * times, 40 * times), 100 * times))
    small = centred_digit(seven())
    shifts = [large.roll((down, across), (1, 2)) for down in (-1, 0, 1) for across in (-1, 0, 1)]
    nearest = min(shifts, key=lambda image: (image.int() - small.int()).abs().sum())
    assert_alike(nearest, small, 0.15)  # the centre of mass may round to the next pixel


@pytest.mark.parametrize("mode", ["LA", "RGB", "RGBA", "CMYK", "P", "I", "F", "YCbCr", "HSV"])
def test_mode_makes_no_difference(mode: str) -> None:
    assert_alike(centred_digit(seven().convert(mode)), centred_digit(seven()), 0.01)


def test_bits_are_enough() -> None:
    assert_alike(centred_digit(seven().convert("1")), centred_digit(seven()), 0.1)


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_any_range_is_stretched(kind: type) -> None:
    wide = np.asarray(seven()).astype(kind) * kind(200) + kind(3)
    assert_alike(centred_digit(Image.fromarray(wide)), centred_digit(seven()), 0)


def test_orientation_of_a_camera_is_applied() -> None:
    turned = seven().transpose(Image.Transpose.ROTATE_90)
    turned.getexif()[0x0112] = 6  # to be shown turned by 90 degrees clockwise
    assert_alike(centred_digit(turned), centred_digit(seven()), 0)


@pytest.mark.parametrize("colour", ["black", "white", "navy"])
def test_transparent_ground_is_no_ink(colour: str) -> None:
    picture = Image.new("RGB", (200, 200), colour)
    picture.putalpha(seven())
    assert_alike(centred_digit(picture), centred_digit(seven()))


def test_transparent_colour_is_no_ink() -> None:
    palette = seven().convert("1").convert("P")
    palette.info["transparency"] = 0
    assert_alike(centred_digit(palette), centred_digit(seven().convert("1")), 0)


def test_light_from_one_side_is_no_ink() -> None:
    paper = 200 + np.linspace(-40, 40, 200)
    photo = paper - np.asarray(seven()) / 255 * 120
    assert_alike(centred_digit(Image.fromarray(photo.astype(np.uint8))), centred_digit(seven()))


def test_dust_is_taken_away() -> None:
    picture = seven()
    ImageDraw.Draw(picture).rectangle((5, 190, 9, 194), 255)
    assert_alike(centred_digit(picture), centred_digit(seven()), 0)


def test_separate_stroke_is_kept() -> None:
    picture = seven()
    ImageDraw.Draw(picture).line((20, 170, 100, 170), 255, 10)
    rows = centred_digit(picture)[0].amax(1).nonzero().flatten()
    assert centred_digit(picture)[0, rows[-1]].sum() > 4 * 255


def test_noise_is_no_ink() -> None:
    noise = np.random.default_rng(0).normal(0, 6, (200, 200))
    photo = (np.asarray(inverted(seven())) * 0.6 + 50 + noise).astype(np.uint8)
    assert_alike(centred_digit(Image.fromarray(photo)), centred_digit(seven()), 0.25)


def test_long_digit_stays_inside() -> None:
    picture = Image.new("L", (28, 28))
    ImageDraw.Draw(picture).rectangle((26, 0, 27, 20), 255)
    image = centred_digit(picture)[0]
    assert image.amax(1).count_nonzero() == 20
    assert image.amax(0).count_nonzero() <= 2


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "I;16", "F"])
def test_blank_picture_is_refused(mode: str) -> None:
    with pytest.raises(ValueError, match="the picture is blank: all its pixels are alike"):
        centred_digit(Image.new(mode, (40, 30)))


def hard_pictures() -> list[Image.Image]:
    """Draw what is noisy, dusty, transparent, close to the sides and without a level ground."""
    generator = np.random.default_rng(0)
    paper = 190 + np.linspace(-30, 30, 300)[:, None] + np.linspace(20, -20, 300)
    noisy = paper + generator.normal(0, 5, (300, 300)) - np.asarray(seven(300, size=180)) / 2
    dusty = seven(1100, (300, 200), 700)
    ImageDraw.Draw(dusty).rectangle((20, 20, 40, 60), 255)
    ImageDraw.Draw(dusty).rectangle((900, 1000, 960, 1010), 120)
    glass = Image.new("RGBA", (90, 70), (250, 250, 250, 0))
    glass.paste((240, 200, 0, 180), (30, 10, 36, 60))
    return [
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)),
        dusty,
        glass,
        seven(60, (5, 5), 45),
    ]


def test_images_of_hard_pictures_are_the_same_for_ever() -> None:
    places, found = torch.arange(28.0), []
    for picture in hard_pictures():
        image = centred_digit(picture)[0].float()  # its sum and where it is
        found.append([image.sum(), *(image.sum(axis) @ places / image.sum() for axis in (0, 1))])
    assert torch.tensor(found).tolist() == [
        pytest.approx([13422, 14.3335, 13.9937], rel=2e-4),
        pytest.approx([14716, 14.2142, 13.5332], rel=2e-4),
        pytest.approx([10200, 14.5000, 13.5000], rel=2e-4),
        pytest.approx([14386, 13.8371, 14.4467], rel=2e-4),
    ]


def test_lightness_of_lab_is_taken() -> None:
    other = Image.effect_noise((200, 200), 90)
    picture = Image.merge("LAB", [seven(), other, other])
    assert_alike(centred_digit(picture), centred_digit(seven()), 0)


def test_see_through_pixels_are_mixed_with_the_other_ground() -> None:
    dark = Image.merge("LA", [Image.new("L", (2, 1), 51), Image.new("L", (2, 1))])
    dark.putpixel((0, 0), (51, 204))
    assert _opaque(dark).tolist() == [[pytest.approx(0.2 * 0.8 + 0.2), 1]]
    light = Image.new("LA", (1, 1), (204, 204))
    assert _opaque(light).item() == pytest.approx(0.8 * 0.8)
    assert _opaque(Image.new("LA", (1, 1), (204, 0))).item() == 1


@pytest.mark.parametrize(("side", "shape"), [(1023, (8, 1023)), (1024, (4, 512))])
def test_large_pictures_are_reduced(side: int, shape: tuple[int, int]) -> None:
    assert _reduced(Image.new("F", (side, 8))).shape == shape


@pytest.mark.parametrize(
    ("ground", "outer", "inner"), [(0.02, 0.13, 0.15), (0, 0.09, 0.11), (0.1, 0.48, 0.52)]
)
def test_box_begins_above_the_noise(ground: float, outer: float, inner: float) -> None:
    ink = np.full((100, 100), ground, np.float32)
    ink[20:60, 30:50], ink[20:60, 28:30], ink[20:60, 50:52] = 1, outer, inner
    assert _boxed(ink, ink > 1 / 2).shape == (20, 11)
    assert _boxed(ink.T, ink.T > 1 / 2).shape == (11, 20)


def test_centre_of_mass_is_put_in_the_middle_as_far_as_the_edges_allow() -> None:
    digit = np.zeros((20, 6), np.float32)
    digit[2, 1] = 1  # in the middle of (28, 28) if it is moved by 12 and 13
    digit[19] = 1e-9
    image = _centred(digit)
    assert np.argwhere(image == 1).tolist() == [[10, 14]]  # 8 is the lowest place of 20 rows
    assert image.shape == (28, 28)


def test_mark_that_is_paler_than_noise_is_boxed_as_it_is() -> None:
    mark = np.zeros((9, 9), bool)
    mark[2:7, 3:6] = True
    for ink in (np.full((9, 9), 0.6, np.float32), np.where(mark, 0.05, 0.4).astype(np.float32)):
        digit = _boxed(ink, mark)
        assert max(digit.shape) == 20
        assert digit.max() > 0


def test_scribbles_on_noisy_paper_are_read_or_refused() -> None:
    for seed in range(1030, 1050):
        random = np.random.default_rng(seed)
        size = int(random.integers(3, 220)) + 20, int(random.integers(3, 160)) + 20
        picture = Image.new("L", size, 255)
        draw = ImageDraw.Draw(picture)
        for _ in range(random.integers(1, 6)):
            ends = [int(random.integers(0, side)) for side in (*size, *size)]
            draw.line(ends, fill=int(random.integers(0, 120)), width=int(random.integers(1, 9)))
        noisy = np.asarray(picture) + random.normal(0, 12, size[::-1])
        page = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
        for read in (centred_digit, centred_digits):
            with suppress(ValueError):
                read(page)
