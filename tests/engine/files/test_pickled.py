import pickle
from collections import Counter, OrderedDict

import pytest
import torch
from torch import nn

from src.engine.files.pickled import refuse_calls
from src.engine.files.plain_file import load_plain, packed

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
        refuse_calls(content)
