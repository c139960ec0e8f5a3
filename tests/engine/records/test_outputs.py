import io

import numpy as np
import pytest
import torch

from src.engine.records.outputs import Outputs, archive


def test_tensors_with_an_entry_for_each_sample_are_kept() -> None:
    outputs = Outputs()
    for start, count in ((0, 2), (2, 1)):
        loss, rows = torch.tensor(0.5), torch.arange(start, start + count)
        outputs.add({"loss": loss, "row": rows, "text": ["a"] * count, "two": rows[:1]}, count)
    found = outputs.joined()
    assert {name: value.tolist() for name, value in found.items()} == {"row": [0, 1, 2]}


@pytest.mark.parametrize(("given", "count"), [(torch.ones(2), 2), (None, 2), ({"a": 1}, None)])
def test_anything_else_is_left_out(given: object, count: int | None) -> None:
    outputs = Outputs()
    outputs.add(given, count)
    assert outputs.joined() == {}


def test_outputs_of_several_shapes_are_left_out() -> None:
    outputs = Outputs()
    for length in (3, 4):
        outputs.add({"sequence": torch.ones(2, length)}, 2)
    assert outputs.joined() == {}


def test_loaders_are_told_apart() -> None:
    outputs = Outputs()
    outputs.add({"a": torch.zeros(2)}, 2)
    outputs.add({"a": torch.ones(3)}, 3, loader=1)
    assert {name: len(value) for name, value in outputs.joined().items()} == {
        "a": 2,
        "a/dataloader_idx_1": 3,
    }


def test_too_many_outputs_are_not_kept(monkeypatch, capsys) -> None:
    monkeypatch.setattr("src.engine.records.outputs._MOST", 10)
    outputs = Outputs()
    for _ in range(2):
        outputs.add({"a": torch.zeros(3)}, 3)
    assert outputs.joined() == {}
    assert capsys.readouterr().err.count("is more than 10 bytes") == 1


def test_archive_has_any_name() -> None:
    content = archive({"file": torch.ones(2), "a/b": torch.ones(1, dtype=torch.bfloat16)})
    with np.load(io.BytesIO(content)) as arrays:
        assert {name: arrays[name].tolist() for name in arrays} == {"file": [1, 1], "a/b": [1]}
