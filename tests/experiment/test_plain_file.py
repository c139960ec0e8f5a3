from pathlib import Path

import torch

from src.experiment.plain_file import unsafe_entries


def test_unsafe_entry_is_named(tmp_path: Path) -> None:
    content = {"lr": 0.1, "shape": (1, 2), "dtype": torch.float32, "deep": [{"folder": tmp_path}]}
    assert list(unsafe_entries(content)) == [("deep.0.folder", "PosixPath")]
