from collections import OrderedDict, deque
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from src.engine.checkpoints.digest import digest
from src.engine.exact.encoded import MOST_MIB, UnsavedError, decode, encode
from src.engine.files.plain_file import unsafe_entries

CPU = torch.device("cpu")


def moves(count: int) -> list[tuple]:
    return [(torch.tensor([i, i + 0.5]), i, i / 3, i % 2 == 0, None) for i in range(count)]


VALUES = [
    None,
    3,
    torch.arange(6).view(2, 3),
    (torch.ones(2), (torch.zeros(1), -0.0)),
    [],
    ([], {}, deque()),
    [[1, 2], [3]],
    [torch.ones(2), torch.ones(3)],
    [torch.ones(2), torch.ones(2, dtype=torch.float64)],
    {"a": [1, 2.5], 7: {"b": (True, None)}},
    deque(moves(5), maxlen=8),
    deque(moves(1)),
    [*moves(3), None],
]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_value_comes_back_from_a_checkpoint(value: Any) -> None:
    content = encode(value)
    assert not [*unsafe_entries({"value": content})]
    again = decode(content, CPU)
    assert (type(again), digest(again)) == (type(value), digest(value))
    assert repr(again) == repr(value)
    assert getattr(again, "maxlen", None) == getattr(value, "maxlen", None)


def test_many_tensors_are_saved_as_few() -> None:
    kind, (how, columns), most = encode(deque(moves(100), maxlen=200))
    assert (kind, how, most, len(columns)) == ("deque", "columns", 200, 5)
    rows, stacked = columns[0]
    assert (rows, stacked.shape, columns[1]) == ("rows", (100, 2), [*range(100)])


def test_tensors_are_copies_without_a_graph() -> None:
    trained = torch.ones(2, requires_grad=True)
    content = encode((trained * 2)[:1])
    assert (content.requires_grad, content.untyped_storage().nbytes()) == (False, 4)
    decode(content, CPU).zero_()
    again = decode(encode([torch.ones(1)] * 2), CPU)
    again[0].zero_()
    assert (content.item(), again[1].item(), encode(trained).requires_grad) == (2, 1, False)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("text", "a str"),
        ([1, "text"], "a str"),
        (OrderedDict(), "a OrderedDict"),
        ({(1, 2): 3}, "a dict with keys of tuple"),
        (np.float64(1), "a float64"),
        ([np.ones(1)], "a ndarray"),
        ((nn.Parameter(torch.ones(1)),), "a Parameter"),
        ([torch.ones(1, requires_grad=True)], "a trained tensor"),
        ([torch.ones(1, requires_grad=True)] * 2, "a trained tensor"),
        (torch.ones(2).to_sparse(), "sparse"),
        (torch.ones(2, device="meta"), "meta"),
        (torch.ones(2, dtype=torch.complex64), "complex64"),
        (torch.zeros(MOST_MIB * 2**18 + 1), f"more than {MOST_MIB} MiB"),
        ([torch.zeros(2**17)] * 2 * MOST_MIB + [torch.zeros(1)], "more than"),
        ([0] * 2**17, "more than"),
    ],
)
def test_other_values_are_refused_by_name(value: Any, reason: str) -> None:
    with pytest.raises(UnsavedError, match=reason):
        encode(value)


def test_endless_value_is_refused() -> None:
    endless: list = []
    endless.append(endless)
    with pytest.raises(UnsavedError, match="a list"):
        encode(endless)


def test_what_is_saved_elsewhere_is_refused() -> None:
    weight = torch.ones(3)
    known = {weight.untyped_storage().data_ptr()}
    for value in (weight[1:], [weight, torch.ones(3)], [weight, 1]):
        with pytest.raises(UnsavedError, match="a view of a parameter or buffer"):
            encode(value, known)


@pytest.mark.parametrize(
    "content",
    [
        "text",
        ("shell", []),
        ("deque", [], "x"),
        ("list", ("rows", 3)),
        ("list", 3),
        ("tuple", ("columns", 3)),
        [1],
        {"a": "text"},
    ],
)
def test_strange_content_is_refused(content: Any) -> None:
    with pytest.raises(ValueError, match="an attribute in the checkpoint"):
        decode(content, CPU)


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        decode(("list", ("columns", [[1], [1, 2]])), CPU)


def test_tensor_of_a_device_goes_back_to_one() -> None:
    again = decode([("device", torch.ones(2))][0], torch.device("meta"))
    assert again.is_meta
