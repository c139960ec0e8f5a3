"""What is written on a page: sheet, light, rules, boxes, dust and shadows are taken away."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Grey = npt.NDArray[np.floating[Any]]
Mask = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.intp]

NEAR = np.ones((3, 3), bool)  # pixels touch diagonally, too
_GROUND = 0.3  # share of the shorter side; what is dark and wider is a shadow or a table
_CLEAR = 1.0  # skewness of the levels from which it is known which of them is ink
_DARKEST = 0.1  # light of the ground below which nothing can be told from noise
_SMOOTHED = 100  # a picture of more pixels on its longer side is smoothed by one of them
_FAINT = 0.06  # ink takes at least this share of the light
_SURE = 15  # the same in median deviations of the ground: 10 standard deviations of its noise
_INK = 75  # percentile of the pixels above the threshold that is the level of ink
_RULE = 0.8  # share of the page that a printed line is long
_INNER = 0.2  # share of the page; a mark that large makes those at the border its surroundings
_PAIRED = 100  # largest marks among which a frame is looked for
_DUST = 0.1  # share of the largest mark below which another one is dust
_SPECK = 0.03  # share of the page below which the largest mark is dust, too
TALL = 0.5  # share of the tallest mark from which another one, beside it, is another digit
_FAR = 0.2  # share of the size of all marks; small ones farther away are holes and stains
_GAP = 0.05  # share of the height of all marks; a stroke may be broken for twice of it
_HOLES = 3  # the most that a digit has,
_GRAIN, _GRAINS = 0.001, 8  # of this share of its box or more; and the most of any size, of chalk
_WIDE = 3.0  # width through height from which a mark is no digit; a word is


def written(grey: Grey) -> tuple[Grey, Mask]:
    """Find the one thing that is written on a page.

    Args:
        grey: Light of a picture, (H, W), in `[0, 1]`.

    Returns:
        Ink of the page, or of its sheet, in `[0, 1]`, and where the thing is.

    Raises:
        ValueError: There is nothing, more than one thing, or what no digit looks like.

    References:
        Otsu, "A threshold selection method from gray-level histograms", IEEE Transactions on
        Systems, Man, and Cybernetics, 1979. doi:10.1109/TSMC.1979.4310076
        Serra, "Image Analysis and Mathematical Morphology", 1982, for the closing that is the
        ground, and the opening that finds lines.
    """
    ink, mark, _ = all_written(grey)
    return ink, one(mark)


def all_written(grey: Grey) -> tuple[Grey, Mask, tuple[int, int]]:
    """Find all that is written on a page.

    Args:
        grey: Light of a picture, (H, W), in `[0, 1]`.

    Returns:
        Ink of the page, or of its sheet, in `[0, 1]`, where something is written, and row and
        column of the picture at which the sheet begins.

    Raises:
        ValueError: There is nothing, or nothing of the size of a digit.
    """
    if not np.ptp(grey):
        raise ValueError("the picture is blank: all its pixels are alike")
    grey, corner = _sheet(grey)
    flat = _flattened(1 - grey if _is_light_on_dark(grey) else grey)
    smooth = ndimage.gaussian_filter(flat, 1) if max(flat.shape) > _SMOOTHED else flat
    mark = _without_surroundings(_without_rules(_levelled(smooth, smooth) > 1 / 2))
    largest = max(_extent(box).max() for box in ndimage.find_objects(ndimage.label(mark, NEAR)[0]))
    if largest < max(3, _SPECK * min(mark.shape)):
        raise ValueError("no digit")
    return _levelled(flat, smooth), mark, corner


def one(mark: Mask) -> Mask:
    """Keep the one digit that is written on a page.

    Args:
        mark: What is written.

    Returns:
        The same, without small marks that are far away.

    Raises:
        ValueError: It is more than one thing, or what no digit looks like.
    """
    mark = _without_far(mark)
    (whole,) = ndimage.find_objects(mark.astype(int))
    near = int(_GAP * _extent(whole)[0])
    joined = ndimage.binary_dilation(mark, NEAR, near) if near else mark
    boxes = ndimage.find_objects(ndimage.label(joined, NEAR)[0])
    extents = np.array([_extent(box) for box in boxes])
    if extents.max() < max(3, _SPECK * max(mark.shape)):
        raise ValueError("no digit")
    tallest = extents[:, 0].max()
    columns = np.zeros(mark.shape[1], bool)
    for box, (height, _) in zip(boxes, extents, strict=True):
        columns[box[1]] |= height >= TALL * tallest
    beside = ndimage.label(columns)[1]
    if beside > 1:
        raise ValueError(f"more than one digit ({beside} found)")
    height, width = _extent(whole)
    _, *holes = np.bincount(ndimage.label(~np.pad(mark, 1))[0].ravel())[1:]  # the first is outside
    large = sum(hole >= _GRAIN * height * width for hole in holes)
    if large > _HOLES or len(holes) > _GRAINS or width > _WIDE * height:
        raise ValueError("not like a digit")
    return mark


def otsu(grey: Grey) -> float:
    """Find the threshold with the largest variance between what is below it and above it.

    Args:
        grey: Levels, not all alike.

    Returns:
        The middle of all thresholds that are as good.
    """
    count, edges = np.histogram(grey, bins=256)
    below = count.cumsum()[:-1]
    total = (count * (edges[:-1] + edges[1:]) / 2).cumsum()
    share = below / grey.size
    spread = (total[-1] * share - total[:-1]) ** 2 / (share * (1 - share))
    best = edges[1:-1][spread >= spread.max() * (1 - 1e-9)]
    return float(best.mean())  # the middle of a gap in which no pixel lies


def _sheet(grey: Grey) -> tuple[Grey, tuple[int, int]]:
    """Crop to a sheet of paper that lies on something dark; what else is seen becomes paper."""
    light = _largest(ndimage.uniform_filter(grey, 3) > otsu(grey))
    sheet = ndimage.binary_fill_holes(light)
    ink = (sheet & ~light).sum() / sheet.sum()
    if not (0.1 < sheet.mean() < 0.98 and 0.005 < ink < 0.4):  # noqa: PLR2004
        return grey, (0, 0)
    sides = [sheet[0], sheet[-1], sheet[:, 0], sheet[:, -1]]
    if sum(side.mean() > 1 / 4 for side in sides) > 2 or _rectangularity(sheet) < 0.9:  # noqa: PLR2004
        return grey, (0, 0)
    inner = ndimage.binary_erosion(sheet, NEAR, max(2, max(grey.shape) // 60))
    (place,) = ndimage.find_objects(inner.astype(int))
    paper = np.where(inner, grey, np.median(grey[light]))
    return np.asarray(paper[place]), (place[0].start, place[1].start)


def _largest(mask: Mask) -> Mask:
    marks, _ = ndimage.label(mask)
    sizes = np.bincount(marks.ravel())
    sizes[0] = 0
    return np.asarray(marks == sizes.argmax())


def _rectangularity(mask: Mask) -> float:
    """Divide the area of a mark by that of the smallest rectangle around it, at any angle."""
    places = np.argwhere(mask & ~ndimage.binary_erosion(mask)).astype(np.float32)  # (N, 2)
    angle = np.deg2rad(np.arange(0, 90, 3))
    turned = places @ np.stack([np.cos(angle), np.sin(angle)])  # (N, angles)
    across = places @ np.stack([-np.sin(angle), np.cos(angle)])
    return float(mask.sum() / ((np.ptp(turned, 0) + 1) * (np.ptp(across, 0) + 1)).min())


def _is_light_on_dark(grey: Grey) -> bool:
    """Ask for the rarer of the finer levels, if that is clear, else for the level of the border."""
    fine = grey - ndimage.uniform_filter(grey, max(3, int(min(grey.shape) * _GROUND)))
    skewness = (fine**3).mean() / (fine**2).mean() ** 1.5
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    light = (border > otsu(grey)).mean()
    if abs(skewness) > _CLEAR or abs(light - 1 / 2) <= 0.3:  # noqa: PLR2004
        return bool(skewness > 0)
    return bool(light < 1 / 2)


def _flattened(grey: Grey) -> Grey:
    """Compare with the light of the ground, which a closing finds; 0 is ground, 1 no light."""
    size = max(3, int(min(grey.shape) * _GROUND))
    around = np.pad(grey, size, constant_values=grey.max())
    ground = ndimage.grey_closing(around, (size, size))[size:-size, size:-size]
    return np.asarray(1 - grey / np.maximum(ground, _DARKEST))


def _levelled(grey: Grey, smooth: Grey) -> Grey:
    """Scale the background to 0 and the ink to 1; which is which is seen without the noise."""
    if not np.ptp(smooth):
        raise ValueError("no digit")
    middle = np.median(smooth)
    sure = max(_FAINT, _SURE * float(np.median(abs(smooth - middle))))
    # What is very small makes no threshold of its own.
    for threshold, least in ((otsu(smooth), _FAINT), ((middle + smooth.max()) / 2, sure)):
        inked = smooth > threshold
        low, high = np.median(grey[~inked]), np.percentile(grey[inked], _INK)
        if high - low >= least:
            return np.asarray((grey - low) / (high - low), np.float32).clip(0, 1)
    raise ValueError("no digit")


def _without_rules(ink: Mask) -> Mask:
    """Take away printed lines; where a stroke crosses one, it is thicker and stays."""
    for axis in (0, 1):
        length = int(ink.shape[axis] * _RULE)
        along = np.ones((1, length) if axis else (length, 1))
        lines = ndimage.binary_opening(ndimage.binary_closing(ink, NEAR), along)
        _, count = ndimage.label(lines, NEAR)
        if not count:
            continue
        thick = 2 * int(lines.sum() / (count * length)) + 3
        across = np.ones((thick, 1) if axis else (1, thick))
        lines = ndimage.binary_dilation(lines, NEAR)
        ink = ink & ~(lines & ~ndimage.binary_opening(ink, across))
    return ink


def _without_surroundings(ink: Mask) -> Mask:
    """Keep what is written: no frame, nothing at the border beside a mark inside, no dust."""
    marks, count = ndimage.label(ink, NEAR)
    if not count:
        raise ValueError("no digit")
    boxes = ndimage.find_objects(marks)
    sizes = np.bincount(marks.ravel(), minlength=count + 1)
    sizes[0] = 0
    page = np.array(ink.shape)
    inside = [_is_inside(box, page) for box in boxes]
    large = [max(_extent(box) / page) >= _INNER for box in boxes]
    if any(here and big for here, big in zip(inside, large, strict=True)):
        sizes[1:][~np.array(inside)] = 0
    largest = sorted(range(count), key=lambda mark: -_extent(boxes[mark]).max())[:_PAIRED]
    for mark in largest:
        if any(_is_frame(boxes[mark], boxes[other]) for other in largest):
            sizes[mark + 1] = 0
    if not sizes.any():
        raise ValueError("no digit")
    return np.asarray((sizes >= max(1, _DUST * sizes.max()))[marks] & ink)


def _without_far(ink: Mask) -> Mask:
    """Keep the largest group of marks that are near one another, and those nearly as large."""
    (whole,) = ndimage.find_objects(ink.astype(int))
    near = ndimage.distance_transform_edt(~ink) <= _FAR / 2 * _extent(whole).max()
    groups = ndimage.label(near)[0] * ink
    sizes = np.array([_extent(box).max() for box in ndimage.find_objects(groups)])
    return np.asarray(ink & np.isin(groups, 1 + np.flatnonzero(sizes >= TALL * sizes.max())))


def _extent(box: tuple[slice, ...]) -> Whole:
    return np.array([side.stop - side.start for side in box])


def _is_inside(box: tuple[slice, ...], page: Whole) -> bool:
    return all(side.start > 0 and side.stop < end for side, end in zip(box, page, strict=True))


def _is_frame(outer: tuple[slice, ...], inner: tuple[slice, ...]) -> bool:
    """Say whether a mark encloses another one, not much lower, on all sides."""
    around = all(a.start < b.start and b.stop < a.stop for a, b in zip(outer, inner, strict=True))
    return around and bool(_extent(inner)[0] > _extent(outer)[0] / 3)
