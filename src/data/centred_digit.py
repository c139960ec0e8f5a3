"""A picture of handwritten digits, from anywhere, as the makers of MNIST would have left it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps
from scipy import ndimage
from torch import Tensor

from src.data.separated import Box, Cut, cut_out, separated
from src.data.touching import pieces
from src.data.written import Grey, Mask, all_written, one, written

_SIDE, _BOX = 28, 20  # of an image, and of the box that holds its digit [px]
_LARGEST = 512  # a picture is first reduced to about this [px]
_EDGE = 0.1  # level from which a pixel counts for the box
_NOISE = 7  # the same in upper quartiles of the ground: 4.7 standard deviations of its noise
_THIN, _PEN = 0.07, 0.11  # width of a stroke, through the size of the digit: too thin; as in MNIST
_COLOURED = 1.5  # a channel is taken alone if it has as many times the contrast of the brightness
# Pillow's filters differ by a percent on digits of 8 x 8 px enlarged, and not on MNIST's own.
_FILTER = Image.Resampling.BICUBIC


def centred_digit(picture: Image.Image) -> Tensor:
    """Make an image like those of MNIST: white on black, in a box of 20 px, centred by its mass.

    Args:
        picture: One digit, dark on light or light on dark, of any mode and size.

    Returns:
        Pixels, `(1, 28, 28)`, `uint8`.

    Raises:
        ValueError: The picture is blank.

    References:
        LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document
        recognition", Proceedings of the IEEE, 1998. doi:10.1109/5.726791
        LeCun, Cortes and Burges, "The MNIST database of handwritten digits", for the box and the
        centre of mass.
        Otsu, "A threshold selection method from gray-level histograms", IEEE Transactions on
        Systems, Man, and Cybernetics, 1979. doi:10.1109/TSMC.1979.4310076
    """
    return _image(*written(_grey(ImageOps.exif_transpose(picture))))


class Part(NamedTuple):
    """A mark, or a run of the pieces into which it may be cut.

    Attributes:
        first: Number of its first piece.
        stop: Number of the piece after its last.
        image: Pixels, `(1, 28, 28)`, `uint8`.
        box: Where it is in the picture, upright.
    """

    first: int
    stop: int
    image: Tensor
    box: Box


def one_digit(picture: Image.Image) -> list[Part]:
    """Make the image of `centred_digit`, and those of the parts that may be digits themselves.

    Args:
        picture: One digit, dark on light or light on dark, of any mode and size.

    Returns:
        All runs of the pieces of what is written; the whole is the first.

    Raises:
        ValueError: There is no digit, or there are several that do not touch.
    """
    upright = ImageOps.exif_transpose(picture)
    ink, mark, corner = all_written(_grey(upright))
    mark = one(mark)
    (parts,) = _parts(ink, [mark], corner, _factor(upright))
    return [parts[0]._replace(image=_image(ink, mark)), *parts[1:]]


def centred_digits(picture: Image.Image) -> list[list[Part]]:
    """Make such images of each mark of a number, from left to right.

    Args:
        picture: Digits side by side, dark on light or light on dark, of any mode and size.

    Returns:
        All runs of the pieces of each mark; the whole is the first.

    Raises:
        ValueError: There is no digit, digits stand in several lines, or something among them is
            none.
    """
    upright = ImageOps.exif_transpose(picture)
    ink, mark, corner = all_written(_grey(upright))
    return _parts(ink, separated(mark), corner, _factor(upright))


def _parts(
    ink: Grey, marks: Sequence[Mask], corner: tuple[int, int], scale: int
) -> list[list[Part]]:
    top, left = corner

    def part(cut: Cut) -> Part:
        box = cut.box
        place = box.left + left, box.top + top, box.right + left, box.bottom + top
        image = _image(cut.ink, cut.mark)
        return Part(cut.first, cut.stop, image, Box(*(scale * edge for edge in place)))

    return [[part(cut) for cut in cuts] for cuts in cut_out(ink, [pieces(mark) for mark in marks])]


def _image(ink: Grey, mark: Mask) -> Tensor:
    image = torch.from_numpy(_centred(_boxed(*_thickened(ink, mark))))
    return image.mul(255).round().to(torch.uint8).unsqueeze(0)  # (1, 28, 28)


def _grey(picture: Image.Image) -> Grey:
    """Read the light of a picture of any mode, (H, W), in `[0, 1]`."""
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        wide = np.nan_to_num(np.asarray(picture).astype(np.float32))
        return _reduced(Image.fromarray(_stretched(wide)))
    if picture.has_transparency_data:
        return _reduced(Image.fromarray(_opaque(picture.convert("RGBA").convert("LA"))))
    if picture.mode == "LAB":
        return _reduced(picture.getchannel("L").convert("F")) / 255
    light = _reduced(picture.convert("L").convert("F")) / 255
    colours = [_reduced(one.convert("F")) / 255 for one in picture.convert("RGB").split()]
    best = max(colours, key=_contrast)
    return best if _contrast(best) > _COLOURED * _contrast(light) else light


def _contrast(grey: Grey) -> float:
    return float(np.subtract(*np.percentile(grey, (99, 1))))


def _opaque(picture: Image.Image) -> Grey:
    """Lay a picture onto black if what can be seen of it is light, else onto white."""
    light, alpha = np.moveaxis(np.asarray(picture, np.float32) / 255, -1, 0)  # each (H, W)
    seen = (light * alpha).sum() / max(alpha.sum(), 1e-6)
    ground = 0 if seen > 1 / 2 else 1
    return np.asarray(light * alpha + ground * (1 - alpha), np.float32)


def _reduced(picture: Image.Image) -> Grey:
    return np.asarray(picture.reduce(_factor(picture)), np.float32)


def _factor(picture: Image.Image) -> int:
    return max(1, max(picture.size) // _LARGEST)


def _stretched(grey: Grey) -> Grey:
    low, high = grey.min(), grey.max()
    if low == high:
        raise ValueError("the picture is blank: all its pixels are alike")
    return np.asarray((grey - low) / (high - low))


def _thickened(ink: Grey, mark: Mask) -> tuple[Grey, Mask]:
    """Thicken what a thin pen drew, which would fade when it is made small."""
    size = max(np.ptp(np.argwhere(mark), 0)) + 1
    width = 2 * mark.sum() / (mark & ~ndimage.binary_erosion(mark)).sum()
    if width > _THIN * size:
        return ink, mark
    more = round(_PEN * size - width) + 1
    kept = np.where(ndimage.binary_dilation(mark, iterations=2), ink, 0)
    thick = ndimage.gaussian_filter(ndimage.grey_dilation(kept, (more, more)), more / 8)
    return thick, thick > 1 / 2


def _boxed(ink: Grey, mark: Mask) -> Grey:
    """Crop to the digit and resize its longer side to that of the box."""
    ground = ink[ink < 1 / 2]
    edge = (_NOISE * np.percentile(ground, 75)).clip(_EDGE, 1 / 2) if ground.size else _EDGE
    near = ndimage.binary_dilation(mark, np.ones((3, 3)), max(1, max(ink.shape) // _SIDE))
    kept = near & (ink > edge)
    ink = np.where(kept, ink, 0) if kept.any() else mark.astype(ink.dtype)  # a faint sliver
    rows, columns = (np.flatnonzero(ink.max(axis)) for axis in (1, 0))
    digit = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (max(1, round(side * _BOX / max(digit.shape))) for side in digit.shape)
    return np.asarray(Image.fromarray(digit).resize((width, height), _FILTER)).clip(0, 1)


def _centred(digit: Grey) -> Grey:
    """Paste with the centre of mass in the middle, as near as whole pixels and the edges allow."""
    image = np.zeros((_SIDE, _SIDE), np.float32)
    corner = []
    for axis in (0, 1):
        side = digit.shape[axis]
        mass = digit.sum(1 - axis)
        centre = (mass * np.arange(side)).sum() / mass.sum()
        corner.append(int(np.clip(round(_SIDE / 2 - centre), 0, _SIDE - side)))
    top, left = corner
    image[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return image
