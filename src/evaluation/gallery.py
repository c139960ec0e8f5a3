"""Images in rows, the same for files, TensorBoard and the report."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

_WIDTH = 20  # letters of a title that fit above an image
_STRIP, _FEWEST = 0.3, 4  # heading of a gallery [in], and images that are as wide as it


def draw_gallery(
    image: Tensor, titles: Sequence[str], heading: str = "", columns: int = 8
) -> Figure:
    """Draw images in rows, each under a title of up to two lines.

    Args:
        image: Pixels, `(N, C, H, W)`, `uint8`; one channel is drawn in grey, three in colour.
        titles: A title for each.
        heading: What the titles mean, above all of them.
        columns: Images in a row.

    Returns:
        A figure that no window shows.
    """
    columns = min(columns, max(len(image), 1))
    rows = max(-(-len(image) // columns), 1)
    across = max(columns, _FEWEST)
    height = 1.65 * rows + _STRIP
    figure = Figure(figsize=(1.25 * across, height), dpi=120)
    axes = figure.add_axes((0, 0, 1, 1 - _STRIP / height))
    figure.text(0.01, 1 - 0.5 * _STRIP / height, heading, va="center", fontsize=8)
    axes.set_axis_off()
    for number, title in enumerate(titles):
        row, column = divmod(number, columns)
        pixels = image[number].movedim(0, -1).numpy()  # (H, W, C)
        place = (column + 0.08, column + 0.92, row + 0.98, row + 0.32)
        axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, extent=place, aspect="auto")
        longest = max(map(len, title.splitlines()), default=0)
        fitting = 8 * min(1, _WIDTH / max(longest, 1))
        axes.text(column + 0.5, row + 0.28, title, ha="center", va="bottom", fontsize=fitting)
    axes.set(xlim=(0, across), ylim=(rows, 0))
    return figure
