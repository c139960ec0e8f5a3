"""Pictures that people make, and what `predict` says of them, 30 of each kind.

Run by `python -m benchmarks.pictures CHECKPOINT`. The digits are MNIST's validation images, so that
nothing is chosen on the test images; of these, 5,000 are read as they are, after all else.
"""

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from benchmarks.photographed import PAPER, PEN, PHOTOGRAPHED, Draw, Grey, ink, page, picture
from src.data import MNISTDataModule
from src.deployment.answers import classify
from src.deployment.classifier import Classifier
from src.deployment.numbers import alone, read_number
from src.engine.checkpoints.trained import Trained
from src.evaluation.classification.trained_classifier import TrainedClassifier

COUNT, SURE, CLEAN = 30, 0.9, 5000
BLUNT = 6  # half of the width of a stroke that has a middle [px]


def thick(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Write with a felt pen."""
    return picture(PAPER - (PAPER - PEN) * ndimage.grey_dilation(ink(digit), 9))


def touching(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Cut the page at the upper left of the digit."""
    whole = page(digit, random)
    rows, columns = (np.flatnonzero(ink(digit).max(axis) > 1 / 2) for axis in (1, 0))
    return picture(whole[rows[0] :, columns[0] :])


def on_table(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Lay the sheet, a little turned, onto a dark table."""
    sheet = Image.new("LA", (480, 480), (0, 0))
    sheet.paste(picture(page(digit, random)).convert("LA"), (90, 90))
    turned = sheet.rotate(random.uniform(-6, 6), Image.Resampling.BICUBIC)
    table = picture(random.normal(50, 4, (480, 480)))
    table.paste(turned.convert("L"), mask=turned.getchannel("A"))
    return table


def framed(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Leave the black lid of a scanner around the page."""
    whole = np.full((360, 340), 5.0)
    whole[30:330, 20:320] = page(digit, random)
    return picture(whole)


def shadow(kind: str) -> Draw:
    """Darken a part of the page to 45 % of its light."""

    def draw(digit: Grey, random: np.random.Generator) -> Image.Image:
        down, across = np.indices((300, 300))
        place = random.integers(120, 180)
        dark = {
            "diagonal": down + across < 2 * place,
            "corner": (down < place) & (across < place),
            "vertical": across < place,
        }[kind]
        return picture(page(digit, random) * np.where(dark, 0.45, 1))

    return draw


def thin(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Trace the digit with a pen of 2 to 6 px on a photo of 1,600 x 1,200 px."""
    large = ink(digit, 700, 600) > 1 / 2
    depth = ndimage.distance_transform_edt(large)
    ridge = large & (depth >= ndimage.maximum_filter(depth, 9) - 1) & (depth > BLUNT)
    joined = ndimage.binary_closing(ridge, iterations=12)
    width = int(random.integers(2, 7))
    line = ndimage.grey_dilation(_skeleton(joined).astype(float), (width, width))
    whole = np.full((1200, 1600), PAPER) + random.normal(0, 4, (1200, 1600))
    whole[200:900, 400:1100] -= (PAPER - PEN) * line
    return picture(whole)


def _skeleton(filled: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Thin to lines of one pixel, by what an opening takes away of each erosion."""
    found = np.zeros_like(filled)
    while filled.any():
        found |= filled & ~ndimage.binary_opening(filled)
        filled = ndimage.binary_erosion(filled)
    return np.asarray(ndimage.binary_closing(found, np.ones((3, 3)), iterations=2))


def ruled(step: int, both: bool, level: float) -> Draw:
    """Print lines, every few pixels, before the digit is written."""

    def draw(digit: Grey, random: np.random.Generator) -> Image.Image:
        whole = page(digit, random)
        first = int(random.integers(step))
        for side in (whole, whole.T) if both else (whole,):
            for row in range(first, 299, step):
                side[row : row + 2] = np.minimum(side[row : row + 2], level)
        return picture(whole)

    return draw


def boxed(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Write into a printed box."""
    found = picture(page(digit, random))
    low, high = random.integers(20, 40, 2)
    ImageDraw.Draw(found).rectangle((low, low, 300 - high, 300 - high), outline=60, width=3)
    return found


def faint(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Write with a pencil that is 40 of 255 levels darker than the noisy paper."""
    return picture(170 - 40 * ink(digit) + random.normal(0, 9, (300, 300)))


def red_on_green(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Write in red on green of nearly the same brightness."""
    level = ink(digit)[..., None]
    colours = np.array([200, 60, 40]) * level + np.array([60, 130, 60]) * (1 - level)
    return picture(colours + random.normal(0, 3, (300, 300, 3)))


READABLE: dict[str, Draw] = {
    "clean page": lambda digit, random: picture(page(digit, random)),
    "inverted page": lambda digit, random: picture(255 - page(digit, random)),
    "thick pen": thick,
    "digit at the border": touching,
    "sheet on a dark table": on_table,
    "black frame of a scanner": framed,
    "hard diagonal shadow": shadow("diagonal"),
    "shadow in a corner": shadow("corner"),
    "vertical shadow": shadow("vertical"),
    "thin pen in a large photo": thin,
    "ruled paper": ruled(40, False, 150),
    "dark ruled paper": ruled(60, False, 80),
    "graph paper": ruled(25, True, 160),
    "printed box": boxed,
    "low contrast with noise": faint,
    "red on green": red_on_green,
    "rotated by 30 degrees": lambda digit, random: picture(
        page(ndimage.rotate(digit, random.choice([-30, 30]), reshape=False, order=1), random)
    ),
    **PHOTOGRAPHED,
}


def words(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Write a few words."""
    found = Image.new("L", (400, 120), 225)
    text = " ".join(random.choice(["the", "house", "of", "many", "rooms", "is", "open"], 3))
    ImageDraw.Draw(found).text((20, 30), text, 40, ImageFont.load_default(44))
    return found


def two(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Write a digit twice, side by side."""
    whole = page(digit, random, 150)[:, 70:230]
    return picture(np.concatenate([whole, whole], 1))


def stray(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Leave one dark pixel."""
    whole = np.full((200, 200), PAPER)
    whole[tuple(random.integers(200, size=2))] = PEN
    return picture(whole)


def checkerboard(digit: Grey, random: np.random.Generator) -> Image.Image:
    """Paint squares of two levels."""
    down, across = np.indices((240, 240)) // int(random.integers(10, 61))
    return picture(np.where((down + across) % 2, PAPER, PEN))


NOT_DIGITS: dict[str, Draw] = {
    "noise": lambda digit, random: picture(random.uniform(0, 255, (200, 200))),
    "stray pixel": stray,
    "checkerboard": checkerboard,
    "written words": words,
    "two digits": two,
    "blank page": lambda digit, random: picture(random.normal(PAPER, 3, (200, 200))),
}


def number(
    digits: list[Grey], random: np.random.Generator, gap: tuple[float, float]
) -> Image.Image:
    """Write digits side by side, of unequal sizes, heights and distances (shares of the size)."""
    whole = np.zeros((240, 200 * len(digits) + 120))
    right = 40
    for digit in digits:
        large = ink(digit, 130, int(random.integers(100, 130)))
        rows, columns = (np.flatnonzero(large.max(axis) > 1 / 2) for axis in (1, 0))
        cut = large[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        top = int((240 - cut.shape[0]) / 2 + random.integers(-15, 16))
        place = whole[top : top + cut.shape[0], right : right + cut.shape[1]]
        np.maximum(place, cut, out=place)
        right += cut.shape[1] + round(random.uniform(*gap) * 100)
    whole = whole[:, : right + 40]
    return picture(PAPER - (PAPER - PEN) * whole + random.normal(0, 3, whole.shape))


NUMBERS = {f"{count} digits": (count, (0.08, 0.6)) for count in range(2, 7)}
TOUCHING = {f"{count} digits that touch": (count, (-0.15, -0.1)) for count in (2, 3)}
NUMBERS |= TOUCHING


Case = tuple[Image.Image, str | None]
Say = Callable[[Image.Image], tuple[str, float]]


def main() -> None:
    """Print a row for each kind of picture."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures", description=__doc__)
    parser.add_argument("ckpt")
    parser.add_argument("--data_dir")
    parser.add_argument("--split", choices=("train", "val"), default="val")
    parser.add_argument("--only", default="", help="part of the names of the kinds to draw")
    given = parser.parse_args()
    trained = TrainedClassifier.of(Trained.load(given.ckpt, given.data_dir), "predict")
    classifier = Classifier(**trained.classifier_parts()).eval()
    trained.data.prepare_data()
    for stage in ("fit", "test"):
        trained.data.setup(stage)
    splits = trained.data.splits
    one, whole = partial(_one, classifier), partial(_whole, classifier)
    rows: list[tuple[str, Say, Iterator[Case]]] = [
        (name, one, _pictures(splits[given.split], name, draw))
        for name, draw in (READABLE | NOT_DIGITS).items()
    ]
    for name, (count, gap) in NUMBERS.items():
        rows.append((f"`--all`: {name}", whole, _numbers(splits[given.split], count, gap)))
    for name, (count, gap) in NUMBERS.items():
        if name in TOUCHING:
            nothing = ((drawn, None) for drawn, _ in _numbers(splits[given.split], count, gap))
            rows.append((name, one, nothing))
    rows.append((f"test image as it is, {CLEAN:,}", one, _clean(splits["test"])))
    print("| picture | right | refused | wrong | wrong at 0.9 or more |\n|---|---|---|---|---|")
    for name, say, cases in rows:
        if given.only in name:
            print(f"| {name} | {' | '.join(map(str, _counts(say, cases)))} |", flush=True)


def _pictures(images: Any, name: str, draw: Draw) -> Iterator[Case]:
    """Draw one kind of picture, each of another digit."""
    wanted = range(10) if name != "crossed seven" else (7,)
    chosen = [number for number in range(1000) if int(images.label[number]) in wanted]
    for case, number in enumerate(chosen[:COUNT]):
        digit = images.image[number, 0].double().numpy() / 255
        label = str(int(images.label[number])) if name in READABLE else None
        yield draw(digit, np.random.default_rng(case)), label


def _numbers(images: Any, count: int, gap: tuple[float, float]) -> Iterator[Case]:
    """Draw numbers."""
    for case in range(COUNT):
        random = np.random.default_rng(case)
        chosen = random.integers(len(images.label), size=count)
        digits = [images.image[one, 0].double().numpy() / 255 for one in chosen]
        wanted = "".join(str(int(images.label[one])) for one in chosen)
        yield number(digits, random, gap), wanted


def _clean(images: Any) -> Iterator[Case]:
    for image, label in zip(images.image[:CLEAN, 0], images.label, strict=False):
        yield Image.fromarray(image.numpy()), str(int(label))


def _one(classifier: Classifier, drawn: Image.Image) -> tuple[str, float]:
    """Read one digit, as `predict` does."""
    data = MNISTDataModule
    seen = alone(classifier, data.from_picture, data.one_from_picture, data.angles)(drawn)
    (answer,) = classify(classifier, [("picture", seen)], "0123456789", data.angles)
    return answer.prediction, answer.probability


def _whole(classifier: Classifier, drawn: Image.Image) -> tuple[str, float]:
    """Read a number, as `predict --all` does."""
    marks = MNISTDataModule.all_from_picture(drawn)
    said = read_number(classifier, "picture", marks, "0123456789")
    return said.text, said.probability


def _counts(say: Say, cases: Iterator[Case]) -> list[int]:
    """Count right, refused and wrong answers, and those wrong at 0.9 or more."""
    right = refused = wrong = surely = 0
    for drawn, wanted in cases:
        try:
            text, probability = say(drawn)
        except ValueError:
            refused += 1
            continue
        right += text == wanted
        wrong += text != wanted
        surely += text != wanted and probability >= SURE
    return [right, refused, wrong, surely]


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
