import hashlib
import struct

import torch

from src.engine.checkpoints.digest import digest


def test_equal_states_have_equal_digests() -> None:
    state = {"a": torch.ones(2), "b": [1, {"c": None}]}
    assert digest(state) == digest({"b": [1, {"c": None}], "a": torch.ones(2)})


def test_any_bit_changes_the_digest() -> None:
    value = torch.ones(3)
    others = [value.double(), torch.ones(3, 1), value.nextafter(torch.tensor(2.0)), -value]
    assert len({digest({"a": other}) for other in [value, *others]}) == 5
    assert digest([1, 2]) != digest([12])
    assert digest(0.0) != digest(-0.0)


def test_memory_layout_does_not_matter() -> None:
    image = torch.rand(2, 3, 4, 5)
    assert digest(image) == digest(image.to(memory_format=torch.channels_last))


def test_digest_is_of_names_kinds_shapes_and_bytes() -> None:
    values = struct.pack("<2f", 1.0, 2.0)
    content = {"b": ["x", (None,)], "a": torch.tensor([1.0, 2.0], requires_grad=True)}
    whole = b"a:torch.float32 (2,) " + values + b"b:'x';None;"
    assert digest(content) == hashlib.sha256(whole).hexdigest()
    assert digest({2: 0, "1": 0}) == hashlib.sha256(b"1:0;2:0;").hexdigest()
