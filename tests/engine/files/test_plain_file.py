import pickle
from collections import Counter, OrderedDict
from pathlib import Path

import pytest
import torch
from torch import nn

from src.engine.files import plain_file
from src.engine.files.plain_file import load_plain, packed, refuse_unsafe, unsafe_entries
from tests.engine.checkpoints.test_checkpoint_file import Evil

PLAIN = [
    {1, 2},
    b"ab",
    1j,
    -5,
    2**80,
    (1, (2, "x"), ()),
    Counter("aab"),
    OrderedDict(a=1),
    torch.Size([1, 2]),
    torch.device("cpu"),
    torch.float32,
    torch.strided,
]


def test_unsafe_entry_is_named(tmp_path: Path) -> None:
    content = {"lr": 0.1, "shape": (1, 2), "dtype": torch.float32, "deep": [{"folder": tmp_path}]}
    assert list(unsafe_entries(content)) == [("deep.0.folder", "PosixPath")]


def test_look_at_a_neighbour_executes_nothing(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(plain_file, "_refuse_calls", lambda _: None)  # torch's own wall must hold
    (tmp_path / "broken.ckpt").write_bytes(b"junk")
    torch.save(Evil(tmp_path / "executed"), tmp_path / "neighbour.ckpt")
    with pytest.raises(ValueError, match=r"broken\.ckpt is not a complete checkpoint") as refusal:
        load_plain(tmp_path / "broken.ckpt")
    assert "beside it" not in str(refusal.value)
    assert not (tmp_path / "executed").exists()


def test_plain_content_is_not_refused() -> None:
    refuse_unsafe("checkpoint", {"a": [1, "x", None, torch.ones(1)]})
    said = (
        "^a.0 in the checkpoint is a PosixPath, which cannot be read back safely from a checkpoint"
    )
    with pytest.raises(ValueError, match=said):
        refuse_unsafe("checkpoint", {"a": [Path("x")]})


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_value_comes_back(value: object, tmp_path) -> None:
    (tmp_path / "x.pt").write_bytes(packed([value, value]))
    assert load_plain(tmp_path / "x.pt") == [value, value]


@pytest.mark.parametrize("kind", [torch.float16, torch.bool, torch.uint16, torch.complex64])
def test_tensor_of_any_kind_comes_back(kind: torch.dtype, tmp_path) -> None:
    (tmp_path / "x.pt").write_bytes(packed(torch.ones(3, dtype=kind)))
    assert torch.equal(load_plain(tmp_path / "x.pt"), torch.ones(3, dtype=kind))


def test_weights_and_parameters_come_back(tmp_path) -> None:
    norm = nn.BatchNorm2d(3)
    (tmp_path / "x.pt").write_bytes(packed([norm.state_dict(), norm.weight]))
    weights, parameter = load_plain(tmp_path / "x.pt")
    assert weights._metadata == norm.state_dict()._metadata
    assert torch.equal(parameter, norm.weight)


@pytest.mark.parametrize(
    "content", [b"\x80\x02cos\nsystem\n)R.", b"\x80\x02ctorch\nTensor\n)\x81.", b"\x80\x04N."]
)
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(pickle.UnpicklingError):
        plain_file._refuse_calls(content)
