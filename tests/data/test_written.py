import re

import numpy as np
import pytest
from scipy import ndimage

from src.data.written import (
    Grey,
    Mask,
    _flattened,
    _is_light_on_dark,
    _levelled,
    _without_rules,
    _without_surroundings,
    one,
    otsu,
    written,
)

PAPER, PEN = 0.9, 0.2


def seven(side: int = 200) -> Mask:
    """Write a seven, 100 px high, into the middle of a page."""
    mark = np.zeros((side, side), bool)
    top = (side - 100) // 2
    mark[top : top + 12, top + 20 : top + 80] = True
    for row in range(12, 100):
        left = top + 68 - row // 2
        mark[top + row, left : left + 12] = True
    return mark


def page(mark: Mask) -> Grey:
    noise = np.random.default_rng(0).normal(0, 0.01, mark.shape)
    return np.where(mark, PEN, PAPER) + noise


def assert_found(grey: Grey, mark: Mask) -> None:
    """Compare marks wherever they are: nine tenths of both are the same."""
    _, found = written(grey)
    (here,), (there,) = (ndimage.find_objects(each.astype(int)) for each in (found, mark))
    for side, other in zip(here, there, strict=True):
        assert abs((side.stop - side.start) - (other.stop - other.start)) <= 4
    assert found.sum() == pytest.approx(mark.sum(), rel=0.1)


@pytest.mark.parametrize("kind", ["diagonal", "corner", "vertical", "soft"])
def test_shadow_is_no_ink(kind: str) -> None:
    down, across = np.indices((200, 200))
    dark = {
        "diagonal": down + across < 170,
        "corner": (down < 90) & (across < 90),
        "vertical": across < 95,
        "soft": 1 - across / 200,
    }[kind]
    assert_found(page(seven()) * (1 - 0.55 * dark), seven())


@pytest.mark.parametrize("light", [0.0, 0.2])
def test_sheet_is_found_on_a_dark_ground(light: float) -> None:
    table = np.random.default_rng(1).normal(light, 0.01, (320, 300))
    table[70:270, 40:240] = page(seven())
    assert_found(table, seven())


def test_light_ink_on_a_dark_page_is_no_sheet() -> None:
    assert_found(1 - page(seven()), seven())


@pytest.mark.parametrize("level", [0.25, 0.6])
@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
def test_printed_rules_are_no_ink(level: float, axes: tuple[int, ...]) -> None:
    grey = page(seven())
    for axis in axes:
        for row in range(15, 200, 40):
            line = grey[row : row + 2] if axis else grey[:, row : row + 2]
            line[:] = np.minimum(line, level)
    assert_found(grey, seven())


def test_printed_box_is_no_ink() -> None:
    grey = page(seven())
    frame = np.zeros((200, 200), bool)
    frame[30:170, 30:170] = True
    frame[33:167, 33:167] = False
    assert_found(np.where(frame, PEN, grey), seven())


def test_low_contrast_with_noise_is_read() -> None:
    noise = np.random.default_rng(0).normal(0, 0.03, (200, 200))
    assert_found(np.where(seven(), 0.5, 0.66) + noise, seven())


def test_digit_that_touches_the_border_is_kept() -> None:
    assert_found(page(seven())[50:], seven())


def test_mark_at_the_border_is_no_part_of_a_digit_inside() -> None:
    mark = seven()
    mark[:20, :60] = True
    assert_found(page(mark), seven())


@pytest.mark.parametrize(("size", "kept"), [(9, False), (10, True)])
def test_dust_is_below_a_tenth_of_the_digit(size: int, kept: bool) -> None:
    ink = np.zeros((30, 30), bool)
    ink[5:15, 5:15] = True
    ink[20, 5 : 5 + size] = True
    assert _without_surroundings(ink)[20].sum() == size * kept


def checkerboard() -> Grey:
    down, across = np.indices((200, 200)) // 20
    return np.where((down + across) % 2, PAPER, PEN)


def stray() -> Grey:
    grey = np.full((200, 200), PAPER)
    grey[70, 90] = PEN
    return grey


NOT_DIGITS = {
    "no digit": [
        stray(),
        page(np.zeros((200, 200), bool)),
        np.random.default_rng(6).normal(225, 3, (200, 200)).clip(0, 255).astype(np.uint8) / 255,
    ],
    "more than one digit (2 found)": [page(np.hstack([seven(), seven()]))],
    "more than one digit (3 found)": [page(np.hstack([seven()] * 3))],
    "not like a digit": [
        checkerboard(),
        np.random.default_rng(0).uniform(0, 1, (200, 200)),
        page(np.rot90(seven())[80:120].repeat(2, 1)),
    ],
    "the picture is blank: all its pixels are alike": [np.full((9, 9), 0.5)],
}


@pytest.mark.parametrize("reason", NOT_DIGITS)
def test_what_is_no_digit_is_refused(reason: str) -> None:
    for grey in NOT_DIGITS[reason]:
        with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
            written(grey)


def test_ground_is_compared_with_its_own_light() -> None:
    light = np.where(np.indices((100, 100))[1] < 50, 0.4, 0.8)
    assert _flattened(light) == pytest.approx(0)
    light[40:60, 20:24] *= 0.25
    assert _flattened(light)[50, 22] == pytest.approx(0.75)


def test_commoner_level_of_the_border_is_the_ground() -> None:
    assert not _is_light_on_dark(page(seven()))
    assert _is_light_on_dark(1 - page(seven()))


def test_rare_level_is_ink_whatever_the_border() -> None:
    down, across = (np.indices((200, 200)) - 100) / 100
    corners = 1 - 0.8 * np.hypot(down, across) ** 2 / 2
    assert_found(page(seven()) * corners, seven())
    lamp = np.exp(-((down - 0.5) ** 2 + (across + 0.5) ** 2) / 2 / 0.35**2)
    assert_found((page(seven()) * 0.7 + 0.5 * lamp).clip(0, 1), seven())


def test_holes_of_a_notebook_are_no_part_of_a_digit() -> None:
    down, across = np.indices((200, 200))
    holes = (np.minimum(abs(down - 60), abs(down - 140)) ** 2 + (across - 14) ** 2) < 64
    assert_found(page(seven() | holes), seven())
    near = seven()
    near[155:165, 80:120] = True
    assert one(near)[155:165].any()


def test_grain_of_chalk_is_no_hole() -> None:
    mark = seven()
    for row in range(53, 145, 15):
        mark[row, np.flatnonzero(mark[row])[5]] = False
    assert one(mark).sum() == mark.sum()
    many = np.ones((100, 100), bool)
    many[1:-1:3, 1:-1:3] = False
    with pytest.raises(ValueError, match=r"^not like a digit$"):
        one(many)


def test_faint_thin_line_in_noise_is_read() -> None:
    mark = np.zeros((700, 700), bool)
    mark[150:550, 340:345] = True
    noise = np.random.default_rng(0).normal(0, 0.022, mark.shape)
    assert_found(np.where(mark, 0.65, 0.9) + noise, mark)


def test_small_digit_on_a_large_page_is_read() -> None:
    small = np.zeros((500, 500), bool)
    small[440:462, 470:476] = True
    assert_found(page(small), small)
    tiny = np.zeros((1000, 1400), bool)
    tiny[940:980, 40:48] = True
    noise = np.random.default_rng(0).normal(0, 0.02, tiny.shape)
    assert_found(np.where(tiny, PEN, PAPER) + noise, tiny)


def test_loop_around_a_short_stroke_is_no_frame() -> None:
    ink = np.zeros((200, 200), bool)
    ink[20:180, 60:140] = True
    ink[30:170, 70:130] = False
    ink[95:115, 80:120] = True
    assert np.array_equal(_without_surroundings(ink), ink)


def test_levels_are_those_of_ground_and_ink() -> None:
    ground, ink = [0.1, 0.1, 0.2, 0.3, 0.3], [0.8, 0.85, 0.9, 0.95, 1.0]
    levels = np.array([ground, ink])
    expected = (levels - 0.2) / (0.95 - 0.2)  # median, and upper quartile
    assert _levelled(levels, levels) == pytest.approx(expected.clip(0, 1))


def test_threshold_is_the_middle_of_a_gap() -> None:
    assert otsu(np.array([0.0, 0.0, 1.0, 1.0])) == pytest.approx(0.5, abs=0.01)


def test_stroke_that_crosses_a_rule_stays_whole() -> None:
    ink = np.zeros((100, 100), bool)
    ink[20:80, 45:55] = True
    stroke = ink.copy()
    ink[50:52] = True
    assert (_without_rules(ink) == stroke).mean() > 0.995


def test_frame_is_found_among_many_specks() -> None:
    ink = np.zeros((300, 300), bool)
    ink[20:280, 20:280] = True
    ink[23:277, 23:277] = False
    ink[::6, :15:4] = True
    ink[80:220, 120:180] = True
    left = _without_surroundings(ink)
    assert left[80:220, 120:180].all()
    assert left.sum() == 140 * 60
