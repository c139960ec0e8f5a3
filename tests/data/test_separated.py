import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from src.data.centred_digit import centred_digits
from src.data.separated import Box, cut_out, separated
from src.data.written import Mask
from tests.data.test_written import seven


def marks(*boxes: tuple[int, int, int, int]) -> Mask:
    """Fill boxes, each left, top, right and bottom."""
    mark = np.zeros((100, 300), bool)
    for left, top, right, bottom in boxes:
        mark[top:bottom, left:right] = True
    return mark


def places(mark: Mask) -> list[Box]:
    digits = [[digit] for digit in separated(mark)]
    return [cut.box for (cut,) in cut_out(mark.astype(float), digits)]


def printed(text: str, gaps: list[int], size: int = 60) -> Image.Image:
    """Print digits at unequal distances."""
    page = Image.new("L", (60 + sum(gaps) + 45 * len(text), 120), 225)
    left = 30
    for letter, gap in zip(text, gaps, strict=True):
        font = ImageFont.load_default(size)
        ImageDraw.Draw(page).text((left, 20), letter, 40, font)
        left = round(left + font.getlength(letter)) + gap
    return page


def test_digits_come_from_left_to_right() -> None:
    boxes = [(200, 20, 230, 80), (20, 30, 50, 80), (100, 20, 110, 90)]
    assert places(marks(*boxes)) == sorted(boxes)


def test_parts_above_one_another_are_one_digit() -> None:
    assert places(marks((20, 20, 60, 30), (25, 34, 55, 90), (90, 20, 120, 90))) == [
        *((20, 20, 60, 90), (90, 20, 120, 90)),
    ]


@pytest.mark.parametrize(
    ("boxes", "reason"),
    [
        ([(20, 10, 40, 70), (60, 62, 68, 70)], "a mark beside the digits is no digit"),
        ([(20, 5, 40, 45), (20, 55, 40, 95)], "more than one line is written"),
    ],
)
def test_what_is_no_row_of_digits_is_refused(boxes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        separated(marks(*boxes))


def test_digit_is_cut_out_without_its_neighbours() -> None:
    mark = marks((20, 20, 40, 80), (43, 20, 63, 80))
    for (cut,) in cut_out(mark.astype(float), [[digit] for digit in separated(mark)]):
        assert cut.ink.sum() == cut.mark.sum() == 20 * 60
        assert cut.ink.shape[0] == 60 + 2 * 12
        assert (cut.box.right - cut.box.left, cut.box.bottom - cut.box.top) == (20, 60)


def test_pieces_are_cut_out_in_all_runs_of_them() -> None:
    mark = marks((20, 20, 110, 80), (140, 20, 160, 80))
    pieces = [marks((left, 20, left + 30, 80)) for left in (20, 50, 80)]
    first, second = cut_out(mark.astype(float), [pieces, [marks((140, 20, 160, 80))]])
    runs = {(cut.first, cut.stop): (cut.box.left, cut.box.right) for cut in first}
    assert [*runs] == [(0, 3), (0, 2), (0, 1), (1, 3), (1, 2), (2, 3)]
    assert [*runs.values()] == [(20, 110), (20, 80), (20, 50), (50, 110), (50, 80), (80, 110)]
    assert all(cut.mark.sum() == 60 * (cut.box.right - cut.box.left) for cut in first)
    assert [(cut.first, cut.stop, cut.box.left) for cut in second] == [(0, 1, 140)]


@pytest.mark.parametrize("text", ["20", "463", "2057", "46312", "205791"])
def test_number_is_found_whole(text: str) -> None:
    gaps = [6, 25, 10, 40, 15, 8][: len(text)]
    found = [(parts[0].image, parts[0].box) for parts in centred_digits(printed(text, gaps))]
    assert len(found) == len(text)
    edges = [edge for _, box in found for edge in (box.left, box.right)]
    assert edges == sorted(edges)
    for letter, (image, _) in zip(text, found, strict=True):
        alone = centred_digits(printed(letter, [0]))[0][0].image
        assert (image.int() - alone.int()).abs().sum() <= 0.1 * alone.int().sum()


@pytest.mark.parametrize("times", [1, 4])
def test_places_are_those_of_the_picture(times: int) -> None:
    page = Image.fromarray(np.where(np.hstack([seven(), seven()]), 40, 225).astype(np.uint8))
    page = page.resize((400 * times, 200 * times), Image.Resampling.NEAREST)
    boxes = [parts[0].box for parts in centred_digits(page)]
    wanted = np.array([(70, 50, 130, 150), (270, 50, 330, 150)]) * times
    assert np.abs(np.array(boxes) - wanted).max() <= 3 * times


def test_sheet_on_a_table_moves_the_places() -> None:
    table = np.full((320, 600), 30, np.uint8)
    table[70:270, 80:480] = np.where(np.hstack([seven(), seven()]), 40, 225)
    boxes = [parts[0].box for parts in centred_digits(Image.fromarray(table))]
    wanted = [(150, 120, 210, 220), (350, 120, 410, 220)]
    assert np.abs(np.subtract(boxes, wanted)).max() <= 4


def test_blank_page_has_no_digits() -> None:
    noise = np.random.default_rng(0).normal(225, 3, (200, 200)).clip(0, 255).astype(np.uint8)
    with pytest.raises(ValueError, match=r"^no digit$"):
        centred_digits(Image.fromarray(noise))
