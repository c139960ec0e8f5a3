from pathlib import Path

import pytest
from torch.utils.tensorboard import SummaryWriter

from src.engine.records.curves import read_curves


def test_points_of_each_scalar_are_read(tmp_path: Path) -> None:
    with SummaryWriter(str(tmp_path)) as writer:
        for step in (1, 2):
            writer.add_scalar("val/acc", step / 2, step)
    assert read_curves(tmp_path) == {"val/acc": [(1, 0.5), (2, 1.0)]}


def test_folder_without_events_has_no_curves(tmp_path: Path) -> None:
    assert read_curves(tmp_path) == {}


def test_damage_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.security.test_reading import event_file

    content = event_file((b"\xff" * 20, None))
    (tmp_path / "events.out.tfevents.1.x.1.0").write_bytes(content)
    assert read_curves(tmp_path) == {}
    assert "its curves cannot be read to their end (DecodeError)" in capsys.readouterr().err
