"""Suspected label errors, by what networks say of images that they have not seen."""

import contextlib
import csv
import io
import warnings
from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from src.engine.console.printable import spreadsheet_cell
from src.engine.console.table import table
from src.evaluation.gallery import draw_gallery
from src.evaluation.picture import pixels, png


def require_cleanlab() -> None:
    """Refuse to begin what could not be finished.

    Raises:
        ValueError: cleanlab is not installed.
    """
    try:
        import cleanlab.filter  # noqa: F401
    except ImportError as error:
        raise ValueError(
            'label errors are found by cleanlab: pip install -e ".[labels]"'
        ) from error


def rank_label_errors(probability: Tensor, label: Tensor) -> Tensor:
    """Find images that seem to have a wrong label, by confident learning.

    Args:
        probability: Probability of each class, out of sample, `(N, K)`.
        label: Given class indices, `(N,)`.

    Returns:
        Indices of the suspected images, the least probable label first; perhaps none.

    Raises:
        ValueError: cleanlab is not installed.

    References:
        Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty in dataset
        labels", JAIR 2021. doi:10.1613/jair.1.12125
    """
    require_cleanlab()
    from cleanlab.filter import find_label_issues

    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        found = find_label_issues(
            label.numpy(),
            probability.double().numpy(),
            return_indices_ranked_by="self_confidence",
            n_jobs=1,  # 60,000 images take a second
        )
    return torch.as_tensor(found.copy(), dtype=torch.int64)


class LabelErrors:
    """Show suspected label errors, the most suspicious first.

    Args:
        probability: Probability of each class, out of sample, `(N, K)`.
        label: Given class indices, `(N,)`.
        names: Names of the classes.
        files: Names of the files of the images, if there is one for each.

    Attributes:
        index: Positions of the suspected images in the split.
    """

    def __init__(
        self,
        probability: Tensor,
        label: Tensor,
        names: Sequence[str],
        files: Sequence[str] = (),
    ) -> None:
        self.index = rank_label_errors(probability, label)
        given, suspected = label[self.index], probability[self.index]
        self._given = [names[number] for number in given.tolist()]
        self._suggested = [names[number] for number in suspected.argmax(dim=1).tolist()]
        self._files = {"file": [files[number] for number in self.index.tolist()]} if files else {}
        self._probability = suspected.gather(1, given.unsqueeze(1)).flatten().tolist()

    def png(self, image: Tensor, num_images: int) -> bytes:
        """Write a picture of the most suspicious images.

        Args:
            image: Pixels of the split, `(N, C, H, W)`, `uint8`.
            num_images: Largest number of images.

        Returns:
            Content of a PNG file.
        """
        return png(pixels(self.draw(image, num_images)))

    def draw(self, image: Tensor, num_images: int) -> Figure:
        """Draw the most suspicious images.

        Args:
            image: Pixels of the split, `(N, C, H, W)`, `uint8`.
            num_images: Largest number of images.

        Returns:
            A figure that no window shows.
        """
        rows = list(zip(self._given, self._suggested, self._probability, strict=True))
        titles = [f"given {given}\nlooks like {other}, {p:.2f}" for given, other, p in rows]
        signs = "The number is the probability of the given label."
        return draw_gallery(image[self.index[:num_images]], titles[:num_images], signs)

    def csv(self, official: Tensor | None = None) -> bytes:
        """List all suspected images.

        Args:
            official: Position of each image of the split in the official file, `(N,)`.

        Returns:
            Content of a CSV file.
        """
        numbers = self.index.tolist()
        places = [""] * len(numbers) if official is None else official[self.index].tolist()
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        heads = ["rank", "index", "official_index", "given", "suggested", "probability"]
        writer.writerow([*heads, *self._files])
        shown = [f"{p:.6f}" for p in self._probability]
        ranks = range(1, len(numbers) + 1)
        columns = (ranks, numbers, places, self._given, self._suggested, shown)
        rows = zip(*columns, *self._files.values(), strict=True)
        writer.writerows(map(spreadsheet_cell, row) for row in rows)
        return text.getvalue().encode()

    def table(self, num_rows: int = 10) -> str:
        """Describe the most suspicious images in lines for the terminal.

        Args:
            num_rows: Largest number of images.

        Returns:
            A heading and a line for each, with the position in the split and the file.
        """
        shares = [f"{p:.4f}" for p in self._probability]
        columns = (self.index.tolist(), self._given, self._suggested, shares)
        rows = [*zip(*columns, *self._files.values(), strict=True)][:num_rows]
        heads = ("index", "given", "looks like", "p(given)", *self._files)
        return table([heads, *rows], "rllr" + "l" * len(self._files))
