import io
from pathlib import Path

import numpy as np
import pytest
import torch

from src.engine.files.arrays import packed_arrays, read_arrays


def test_arrays_come_in_the_order_asked_for(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", a=np.arange(3), b=np.ones((2, 2)), c=np.ones(1))
    b, a = read_arrays(tmp_path / "x.npz", b=2, a=1)
    assert a.tolist() == [0, 1, 2]
    assert b.shape == (2, 2)


def test_missing_array_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=np.arange(3))
    with pytest.raises(ValueError, match=r"x\.npz is damaged .*b\.npy"):
        read_arrays(tmp_path / "x.npz", b=1)


def test_packed_arrays_have_any_name() -> None:
    content = packed_arrays({"file": torch.ones(2), "a/b": torch.ones(1, dtype=torch.bfloat16)})
    with np.load(io.BytesIO(content)) as arrays:
        assert {name: arrays[name].tolist() for name in arrays} == {"file": [1, 1], "a/b": [1]}
