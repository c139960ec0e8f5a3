"""An evaluation in the TensorBoard of its run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from src.evaluation.picture import Picture


@contextmanager
def events(
    folder: Path, split: str, step: int, pictures: Mapping[str, Picture]
) -> Iterator[SummaryWriter]:
    """Show pictures beside the curves of a run, in the place of those of an evaluation before.

    Args:
        folder: Folder of the run's events.
        split: Name of the split.
        step: Optimizer step of the checkpoint.
        pictures: Pixels, `(H, W, 3)`, `uint8`, by name.

    Yields:
        What has written them, for what else there is to show.
    """
    suffix = f".evaluation.{split}"
    for before in folder.glob(f"events.*{suffix}"):
        before.unlink()
    with SummaryWriter(str(folder), filename_suffix=suffix) as writer:
        for name, picture in pictures.items():
            writer.add_image(f"{split}/{name}", picture, step, dataformats="HWC")
        yield writer
