"""Figures and images as pixels and as files, without torch."""

import base64
import io

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

Picture = npt.NDArray[np.uint8]


def pixels(figure: Figure) -> Picture:
    """Draw a figure, once for all who show it.

    Args:
        figure: A figure that no window shows.

    Returns:
        Pixels, `(H, W, 3)`, `uint8`.
    """
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def png(picture: Picture) -> bytes:
    """Write pixels as a file.

    Args:
        picture: Pixels, `(H, W, 3)` or `(H, W)`, `uint8`.

    Returns:
        Content of a PNG file.
    """
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="png")
    return buffer.getvalue()


def data_address(kind: str, content: bytes) -> str:
    """Write a file as an address that a page holds in itself.

    Args:
        kind: Its media type, such as `image/png`.
        content: All of it.

    Returns:
        The address.
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
