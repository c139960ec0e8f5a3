"""A picture of one handwritten digit, from anywhere, as the makers of MNIST would have left it."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps
from torch import Tensor

Grey = npt.NDArray[np.floating[Any]]

_SIDE, _BOX = 28, 20  # of an image, and of the box that holds its digit [px]
_LARGEST = 512  # a picture is first reduced to about this [px]
_CELLS = 40  # a picture is searched for separate marks on about this grid
_NEAR = [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1)]
_DUST = 0.1  # share of the largest mark below which another one is dust
_EDGE = 0.1  # level from which a pixel counts for the box
_NOISE = 7  # the same in upper quartiles of the ground: 4.7 standard deviations of its noise
_SLOPE = 0.5  # a slope of the light as large as this share of the contrast is a stroke at a side
_INK = 75  # percentile of the pixels above the threshold that is the level of ink
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
    grey = _stretched(_grey(ImageOps.exif_transpose(picture)))
    threshold = _otsu(grey)
    if np.median(_border(grey)) > threshold:
        grey = 1 - grey
    ink = _without_dust(_levelled(_evenly_lit(grey)))
    image = torch.from_numpy(_centred(_boxed(ink)))
    return image.mul(255).round().to(torch.uint8).unsqueeze(0)  # (1, 28, 28)


def _grey(picture: Image.Image) -> Grey:
    """Read the brightness of a picture of any mode, (H, W), in any range."""
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        wide = np.nan_to_num(np.asarray(picture).astype(np.float32))
        return _reduced(Image.fromarray(_stretched(wide)))
    if picture.has_transparency_data:
        return _reduced(Image.fromarray(_opaque(picture.convert("RGBA").convert("LA"))))
    if picture.mode == "LAB":
        return _reduced(picture.getchannel("L").convert("F"))
    return _reduced(picture.convert("L").convert("F"))


def _opaque(picture: Image.Image) -> Grey:
    """Lay a picture onto black if what can be seen of it is light, else onto white."""
    light, alpha = np.moveaxis(np.asarray(picture, np.float32) / 255, -1, 0)  # each (H, W)
    seen = (light * alpha).sum() / max(alpha.sum(), 1e-6)
    ground = 0 if seen > 1 / 2 else 1
    return np.asarray(light * alpha + ground * (1 - alpha), np.float32)


def _reduced(picture: Image.Image) -> Grey:
    return np.asarray(picture.reduce(max(1, max(picture.size) // _LARGEST)), np.float32)


def _stretched(grey: Grey) -> Grey:
    low, high = grey.min(), grey.max()
    if low == high:
        raise ValueError("the picture is blank: all its pixels are alike")
    return np.asarray((grey - low) / (high - low))


def _border(grey: Grey) -> Grey:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _otsu(grey: Grey) -> float:
    """Find the threshold with the largest variance between what is below it and above it."""
    count, edges = np.histogram(grey, bins=256)
    below = count.cumsum()[:-1]
    total = (count * (edges[:-1] + edges[1:]) / 2).cumsum()
    share = below / grey.size
    spread = (total[-1] * share - total[:-1]) ** 2 / (share * (1 - share))
    best = edges[1:-1][spread >= spread.max() * (1 - 1e-9)]
    return float(best.mean())  # the middle of a gap in which no pixel lies


def _evenly_lit(grey: Grey) -> Grey:
    """Take away the slope of the light; a digit may touch three quarters of a side."""
    top, bottom, left, right = (
        np.percentile(side, 25) for side in (grey[0], grey[-1], grey[:, 0], grey[:, -1])
    )
    down = np.linspace(-0.5, 0.5, grey.shape[0], dtype=np.float32)[:, None]
    across = np.linspace(-0.5, 0.5, grey.shape[1], dtype=np.float32)
    slopes = [d if abs(d) < _SLOPE else 0 for d in (bottom - top, right - left)]
    return np.asarray(grey - slopes[0] * down - slopes[1] * across)


def _levelled(grey: Grey) -> Grey:
    """Scale the level of the background to 0 and that of the ink to 1."""
    threshold = _otsu(grey)
    low = np.median(grey[grey <= threshold])
    high = np.percentile(grey[grey > threshold], _INK)
    return np.asarray((grey - low) / (high - low), np.float32).clip(0, 1)


def _without_dust(ink: Grey) -> Grey:
    """Blacken marks that are small beside the largest one."""
    cell = max(1, max(ink.shape) // _CELLS)
    rows, columns = (-(-side // cell) for side in ink.shape)
    padded = np.zeros((rows * cell, columns * cell), bool)
    padded[: ink.shape[0], : ink.shape[1]] = ink > 1 / 2
    mass = padded.reshape(rows, cell, columns, cell).sum((1, 3))  # (rows, columns)
    marks = _marks(mass > 0)
    sizes = np.bincount(marks.ravel(), mass.ravel())
    dust = (sizes < _DUST * sizes.max())[marks] & (mass > 0)
    spread = dust.repeat(cell, 0).repeat(cell, 1)[: ink.shape[0], : ink.shape[1]]
    return np.where(spread, 0, ink)


def _marks(filled: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Number the groups of cells that touch, diagonally too, from 1; the others are 0."""
    marks = np.zeros(filled.shape, np.intp)
    left = set(map(tuple, np.argwhere(filled).tolist()))
    for number in range(1, len(left) + 1):
        waiting = [left.pop()] if left else []
        while waiting:
            row, column = waiting.pop()
            marks[row, column] = number
            near = {(row + down, column + across) for down, across in _NEAR} & left
            left -= near
            waiting += near
    return marks


def _boxed(ink: Grey) -> Grey:
    """Crop to the digit and resize its longer side to that of the box."""
    noise = np.percentile(ink[ink < 1 / 2], 75)
    edge = (_NOISE * noise).clip(_EDGE, 1 / 2)
    rows, columns = (np.flatnonzero(ink.max(axis) > edge) for axis in (1, 0))
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
