"""Pictures from anywhere, in the size and the manner of a data set's images."""

import numpy as np
import torch
import torch.nn.functional as F
from PIL import ExifTags, Image, ImageOps
from torch import Tensor

_EDGE = 0.1  # difference from the ground from which a pixel belongs to the thing in a picture


def fitted(picture: Image.Image, image_shape: tuple[int, int, int]) -> Tensor:
    """Resize a picture to the size of an image; what is too long on one axis is cut off.

    Args:
        picture: Of any mode and size; what can be seen through is white.
        image_shape: Channels, 1 or 3, height and width [px].

    Returns:
        Pixels, `(C, H, W)`, `uint8`.
    """
    channels, height, width = image_shape
    plain = _in_mode(_plain(picture), channels)
    columns, rows = plain.size
    kept = min(columns, round(rows * width / height) or 1)
    kept_rows = min(rows, round(columns * height / width) or 1)
    left, top = (columns - kept) // 2, (rows - kept_rows) // 2
    middle = _tensor(plain.crop((left, top, left + kept, top + kept_rows)))
    # Several times as fast as Pillow's; pixels differ by two grey levels at most.
    image = F.interpolate(middle[None], (height, width), mode="bicubic", antialias=True)[0]
    return image.contiguous()


def light_on_black(picture: Image.Image, side: int = 28) -> Tensor:
    """Put the thing in a picture, light on black, into the middle of an image that it fills.

    Args:
        picture: One thing on an even ground, of any mode and size.
        side: Height and width of the image [px].

    Returns:
        Pixels, `(1, side, side)`, `uint8`.

    Raises:
        ValueError: The picture is blank.

    References:
        Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine
        learning algorithms", 2017. arXiv:1708.07747
    """
    grey = ImageOps.autocontrast(_in_mode(_plain(picture), 1))
    level = np.asarray(grey, np.float32) / 255
    ground = np.median(np.concatenate([level[0], level[-1], level[:, 0], level[:, -1]]))
    seen = np.abs(level - ground) > _EDGE
    if not seen.any():
        raise ValueError("the picture is blank: all its pixels are alike")
    rows, columns = (np.flatnonzero(seen.any(axis)) for axis in (1, 0))
    if ground > 1 / 2:
        grey = ImageOps.invert(grey)
    thing = grey.crop((int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))
    return _tensor(
        ImageOps.pad(thing, (side, side), Image.Resampling.BICUBIC, color=0)
    ).contiguous()


def _plain(picture: Image.Image) -> Image.Image:
    """Turn a picture upright, reduce it to 8 bits and lay it onto white."""
    if picture.getexif().get(ExifTags.Base.Orientation, 1) != 1:  # else it would be copied
        picture = ImageOps.exif_transpose(picture)
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        wide = np.nan_to_num(np.asarray(picture).astype(np.float32))
        low, high = wide.min(), wide.max()
        picture = Image.fromarray(((wide - low) * (255 / max(high - low, 1))).astype(np.uint8))
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    return _in_mode(picture, 3)


def _in_mode(picture: Image.Image, channels: int) -> Image.Image:
    mode = "L" if channels == 1 else "RGB"
    return picture if picture.mode == mode else picture.convert(mode)


def _tensor(picture: Image.Image) -> Tensor:
    array = np.array(picture)
    return torch.from_numpy(array).view(*array.shape[:2], -1).movedim(2, 0)
