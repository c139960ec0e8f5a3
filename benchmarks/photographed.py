"""Pictures of a digit as telephones, boards, notebooks and screens give them."""

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

PAPER, PEN = 225.0, 45.0
_FULL = 7  # of the pixels around one; the line could be thinner
_RING = (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1)
Grey = npt.NDArray[np.float64]
Draw = Callable[[Grey, np.random.Generator], Image.Image]


def picture(grey: Grey) -> Image.Image:
    """Round levels to pixels."""
    return Image.fromarray(grey.clip(0, 255).astype(np.uint8))


def ink(digit: Grey, side: int = 300, size: int = 200) -> Grey:
    """Put a digit, (28, 28), into the middle of a page; 1 is ink."""
    large = np.asarray(Image.fromarray(digit).resize((size, size), Image.Resampling.BICUBIC))
    sharp = ((large - 0.5) * 4 + 0.5).clip(0, 1)
    page = np.zeros((side, side))
    corner = (side - size) // 2
    page[corner : corner + size, corner : corner + size] = sharp
    return page


def page(digit: Grey, random: np.random.Generator, size: int = 200) -> Grey:
    """Write a digit dark on paper with a little noise."""
    return PAPER - (PAPER - PEN) * ink(digit, size=size) + random.normal(0, 3, (300, 300))


def traced(digit: Grey, width: float) -> Grey:
    """Trace a digit with a pen on 700 x 700 px; 1 is ink.

    References:
        Zhang and Suen, "A fast parallel algorithm for thinning digital patterns", Communications
        of the ACM, 1984. doi:10.1145/357994.358023
    """
    line = np.pad(ink(digit, 140, 120) > 1 / 2, 1)
    count = -1
    while count != line.sum():
        count = line.sum()
        for turn in (1, -1):
            ring = [np.roll(line, step, (0, 1)) for step in _RING]  # clockwise, from above
            starts = sum(~one & other for one, other in zip(ring, ring[1:] + ring[:1], strict=True))
            above, right, below, left = ring[::2]
            pairs = [(right, below), (above, left)][::turn]
            closed = pairs[0][0] & pairs[0][1] & (pairs[1][0] | pairs[1][1])
            near = sum(one.astype(int) for one in ring)
            line &= ~((near > 1) & (near < _FULL) & (starts == 1) & ~closed)
    far = ndimage.distance_transform_edt(~line[1:-1, 1:-1].repeat(5, 0).repeat(5, 1))
    return np.asarray((width / 2 - 2 - far).clip(0, 1))


def coloured(level: Grey, ink: tuple[int, ...], ground: Grey) -> Grey:
    """Mix a colour of ink, where the level is 1, with a ground, (H, W, 3)."""
    return level[..., None] * np.array(ink) + (1 - level[..., None]) * ground


def ballpoint(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Write with a blue ballpoint on a yellow page with blue lines and a red margin."""
    ground = np.full((700, 700, 3), (245.0, 230.0, 140.0))
    for row in range(int(random.integers(60)), 697, 70):
        ground[row : row + 3] = 130, 160, 200
    ground[:, 60:63] = 220, 110, 110
    pen = ndimage.gaussian_filter(traced(digit, random.uniform(7, 14)), 1)
    return picture(coloured(pen, (40, 50, 150), ground) + random.normal(0, 4, ground.shape))


def notebook(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Write on squared paper with holes at its side, through which a dark table is seen."""
    whole = np.full((420, 420), PAPER)
    first = int(random.integers(20))
    whole[first::20], whole[:, first::20] = 175, 175
    down, across = np.indices(whole.shape)
    for row in (110, 310):
        whole[(down - row) ** 2 + (across - 28) ** 2 < 13**2] = 30
    level = np.zeros_like(whole)
    level[60:360, 90:390] = ink(digit)
    return picture(whole * (1 - level) + 50 * level + random.normal(0, 3, whole.shape))


def telephone(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Darken the corners, blur a little, and save as a coarse JPEG."""
    down, across = (np.indices((300, 300)) - 150) / 150
    whole = (page(digit, random) + random.normal(0, 5, (300, 300))) * (
        0.95 - 0.25 * (down**2 + across**2)
    )
    content = io.BytesIO()
    picture(ndimage.gaussian_filter(whole, 1)).save(content, "JPEG", quality=12)
    return Image.open(content)


def whiteboard(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Write with a marker on a board that reflects a lamp and shows what was wiped off."""
    down, across = np.indices((300, 300))
    row, column = random.integers(60, 240, 2)
    lamp = np.exp(-((down - row) ** 2 + (across - column) ** 2) / 2 / 35**2)
    wiped = ndimage.gaussian_filter(random.normal(0, 1, (300, 300)), 15) * 60
    ground = (170 + across / 10 + wiped)[..., None] * np.array([0.97, 1, 1])
    board = coloured(ink(digit), tuple(random.permutation([30, 50, 140])), ground)
    return picture(board + 110 * lamp[..., None] + random.normal(0, 2, board.shape))


def chalk(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Write with crumbling chalk on a blackboard with smears."""
    smears = ndimage.gaussian_filter(random.normal(0, 1, (300, 300)), (6, 20)) * 120
    grain = ndimage.gaussian_filter(random.normal(0, 1, (300, 300)), 1) * 3.5
    level = ink(digit) * (0.75 + 0.35 * np.tanh(grain)).clip(0, 1)
    ground = (55 + smears.clip(-15, 30))[..., None] * np.array([0.8, 1.1, 0.9])
    return picture(coloured(level, (225, 225, 215), ground) + random.normal(0, 3, (300, 300, 3)))


def sticky(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Write on a small coloured note that sticks, a little turned, to a desk or to a wall."""
    colour = ((250, 235, 110), (255, 150, 180), (150, 225, 140))[random.integers(3)]
    note = picture(coloured(ink(digit), (30, 30, 40), np.full((300, 300, 3), colour)))
    large = Image.new("RGBA", (560, 520))
    large.paste(note, (130, 110))
    turned = large.rotate(random.uniform(-8, 8), Image.Resampling.BICUBIC)
    desk = ((120, 80, 50), (235, 235, 230), (70, 75, 80))[random.integers(3)]
    whole = Image.fromarray(random.normal(desk, 5, (520, 560, 3)).clip(0, 255).astype(np.uint8))
    whole.paste(turned.convert("RGB"), mask=turned.getchannel("A"))
    return whole


def folded(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Fold the page once down and once across: dark lines, and quarters of unlike light."""
    whole = page(digit, random)
    row, column = random.integers(90, 210, 2)
    whole[row:] *= 0.85
    whole[:, column:] *= 0.9
    for side, place in ((whole, row), (whole.T, column)):
        side[place - 2 : place + 2] *= 0.75
        side[place + 2 : place + 4] *= 1.1
    return picture(ndimage.gaussian_filter(whole, 0.7))


def shining_through(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Show what stands on the other side of thin paper: lines of writing, mirrored and blurred."""
    back = Image.new("L", (300, 300))
    words = " ".join(random.choice(["house", "rooms", "open", "many", "light"], 6))
    for line in range(5):
        ImageDraw.Draw(back).text((-20 * line, 60 * line), words, 255, ImageFont.load_default(44))
    behind = ndimage.gaussian_filter(np.asarray(back)[:, ::-1] / 255, 2)
    return picture(page(digit, random) * (1 - 0.22 * behind))


def crossed(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Cross the stroke of a seven."""
    rows = np.flatnonzero(digit.max(1) > 1 / 2)
    row = int((rows[0] + rows[-1]) / 2) + 1
    middle = int(np.flatnonzero(digit[row] > 1 / 2).mean()) if digit[row].max() > 1 / 2 else 14
    seven = digit.copy()
    seven[row : row + 2, max(0, middle - 4) : middle + 6] = 1
    return picture(page(seven, random))


def moved(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Move the camera by 15 to 25 px, across or down, while it looks."""
    length = int(random.integers(15, 26))
    blurred = ndimage.uniform_filter1d(ink(digit), length, axis=int(random.integers(2)))
    return picture(PAPER - (PAPER - PEN) * blurred + random.normal(0, 3, (300, 300)))


def in_a_corner(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Write a digit of about 90 px into a corner of a photo of 1,600 x 1,200 px."""
    whole = np.full((1200, 1600), PAPER) - np.linspace(0, 40, 1600)
    row, column = random.choice([40, 1020]), random.choice([40, 1420])
    level = np.zeros_like(whole)
    level[row : row + 140, column : column + 140] = ink(digit, 140, 120)
    return picture(whole * (1 - level) + PEN * level + random.normal(0, 4, whole.shape))


def shadow_of_the_telephone(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Let the hand and the telephone, with soft edges, take half of the light."""
    dark = Image.new("L", (300, 300))
    left, top = random.integers(40, 130, 2)
    ImageDraw.Draw(dark).rounded_rectangle((left, top, left + 110, 320), 18, 255)
    soft = ndimage.gaussian_filter(np.asarray(dark) / 255, random.uniform(2, 8))
    return picture(page(digit, random) * (1 - 0.5 * soft))


def screenshot(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Show a window of a drawing program: bars, buttons, words and a canvas."""
    whole = Image.new("RGB", (520, 480), (240, 240, 240))
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(16)
    draw.rectangle((0, 0, 520, 30), (50, 60, 80))
    draw.text((12, 6), "untitled - paint", "white", font)
    for number, colour in enumerate(((237, 106, 94), (245, 191, 79), (97, 197, 84))):
        draw.ellipse((430 + 28 * number, 8, 444 + 28 * number, 22), colour)
    for number in range(6):
        draw.rectangle((10, 50 + 60 * number, 55, 95 + 60 * number), (215, 215, 215), (150,) * 3)
    draw.text((12, 455), "300 x 300 px   100 %", (60, 60, 60), font)
    whole.paste(picture(255 * (1 - ink(digit))), (120, 80))
    draw.rectangle((119, 79, 420, 380), outline=(120, 120, 120))
    return whole


def pencil(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Write with a hard pencil, thin, grey and grainy."""
    grain = ndimage.gaussian_filter(random.normal(0, 1, (700, 700)), 1.2) * 1.5
    level = ndimage.gaussian_filter(traced(digit, 6), 1) * (0.7 + 0.3 * np.tanh(grain))
    return picture(235 - 95 * level + random.normal(0, 4, level.shape))


PHOTOGRAPHED: dict[str, Draw] = {
    "ballpoint on a lined yellow page": ballpoint,
    "squared notebook with holes": notebook,
    "dark corners and coarse JPEG": telephone,
    "whiteboard with a lamp in it": whiteboard,
    "chalk on a blackboard": chalk,
    "coloured sticky note": sticky,
    "folded page": folded,
    "back side shining through": shining_through,
    "crossed seven": crossed,
    "blurred by motion": moved,
    "small digit in a corner": in_a_corner,
    "shadow of the telephone": shadow_of_the_telephone,
    "screenshot of a drawing program": screenshot,
    "hard pencil": pencil,
}
