import math
from types import SimpleNamespace

import pytest
import torch

from src.evaluation.language.evaluation import draw_places, evaluate
from src.evaluation.wing import Addition, Split


class Alphabet(SimpleNamespace):
    """Goes on with the next letter, always."""

    device = torch.device("cpu")

    def __call__(self, token: torch.Tensor) -> torch.Tensor:
        assert token.shape[1] <= 100
        return 1000.0 * torch.nn.functional.one_hot((token - 97 + 1) % 26 + 97, 256)


def decode(token: torch.Tensor) -> str:
    return bytes(token.tolist()).decode()


@pytest.fixture
def split() -> Split:
    token = (torch.arange(400) % 26 + 97).view(4, 100)
    bits = torch.tensor([1.0, 3.0, 2.0, 2.0]).view(4, 1).expand(4, 100)
    outputs = {"token_loss": (bits * math.log(2)).half(), "token": token.int()}
    return Split("test", outputs, Alphabet(), SimpleNamespace(decode=decode))


@pytest.fixture
def added(split: Split) -> Addition:
    return evaluate(split)


def test_bits_and_perplexity_are_of_the_same_loss(added: Addition) -> None:
    assert added.values["bits"] == pytest.approx(2, abs=1e-3)
    assert added.values["perplexity"] == pytest.approx(4, abs=5e-3)
    assert added.rows["bits a token"].startswith("2.0")
    assert added.rows["tokens"] == "400 in 4 sequences of 100"


def test_most_surprising_passages_come_first(added: Addition, split: Split) -> None:
    assert [each["index"] for each in added.values["surprising"]] == [1, 2, 3]
    assert added.values["surprising"][0]["text"] == decode(split.outputs["token"][1])
    assert added.rows["surprising 1"].startswith("3.00 bits: wxyzabc")


def test_sample_goes_on_from_the_text(added: Addition) -> None:
    first, second = added.values["samples"]
    assert (first["begin"][:3], second["begin"][:3]) == ("abc", "wxy")
    assert len(first["begin"]) == 64
    alphabet = "abcdefghijklmnopqrstuvwxyz" * 20
    assert first["begin"] + first["written"] == alphabet[: 64 + 256]
    assert added.rows["sample 1"].startswith(first["begin"] + " | " + first["written"][:9])


def test_tokens_that_nobody_can_decode_are_not_shown(split: Split) -> None:
    added = evaluate(split._replace(data=None))
    assert [*added.rows] == ["perplexity", "bits a token", "tokens"]
    assert [*added.pictures] == ["loss_by_place"]
    assert "text" not in added.values["surprising"][0]


def test_loss_is_drawn_by_place() -> None:
    (axes,) = draw_places(torch.tensor([[4.0, 2.0], [2.0, 1.0]])).axes
    assert axes.lines[0].get_xydata().tolist() == [[1, 3], [2, 1.5]]


def test_one_sequence_is_enough(split: Split) -> None:
    outputs = {name: value[:1] for name, value in split.outputs.items()}
    assert len(evaluate(split._replace(outputs=outputs)).values["samples"]) == 1
