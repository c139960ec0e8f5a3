"""An evaluation in the TensorBoard of its run."""

from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from src.evaluation.tensorboard import events


def test_pictures_take_the_place_of_those_before(tmp_path: Path) -> None:
    for number in (1, 2):
        picture = np.full((2, 3, 3), number, np.uint8)
        with events(tmp_path, "val", number, {f"p{number}": picture}) as writer:
            writer.add_scalar("more", number, number)
    (file,) = tmp_path.iterdir()
    assert file.name.endswith(".evaluation.val")
    found = EventAccumulator(str(file)).Reload().Tags()
    assert (found["images"], found["scalars"]) == (["val/p2"], ["more"])
