"""Curves of a run as its event files have them."""

from pathlib import Path

from src.engine.console.note import note
from src.engine.console.shown import shown


def read_curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Read the event files of a run; of damaged ones, what can be read.

    Args:
        folder: Folder of the run's records.

    Returns:
        Points of each scalar, step and value.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    if not all(map(Path.is_file, folder.glob("*tfevents*"))):  # a pipe may never end
        note(f"{shown(folder)}: its curves are not read, for they are not in files")
        return {}
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    try:
        events.Reload()
    except Exception as error:  # Protocol Buffers and TensorBoard have many
        note(f"{shown(folder)}: its curves cannot be read to their end ({type(error).__name__})")
    return {
        tag: [(point.step, point.value) for point in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }
