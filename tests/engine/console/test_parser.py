from contextlib import nullcontext

import pytest
from torch import nn

import src.models  # noqa: F401  # a loaded class is known
from src.engine.console.parser import OneLineParser


def refusal(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    parser = OneLineParser()
    parser.add_argument("--max_epochs", type=int, default=1)
    with pytest.raises(SystemExit) as stop:
        parser.parse_args(args)
    assert stop.value.code == 2
    return capsys.readouterr().err


def test_wrong_type_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, "--max_epochs=x") == "error: --max_epochs: expected int, got x\n"


def test_abbreviation_is_refused_with_the_whole_name(capsys: pytest.CaptureFixture[str]) -> None:
    message = "error: --max_epoch is not an option; did you mean --max_epochs?\n"
    assert refusal(capsys, "--max_epoch=3") == message


def test_help_names_our_classes_among_hundreds() -> None:
    parser = OneLineParser()
    parser.add_argument("--network", type=nn.Module)
    text = parser.format_help()
    assert "src.models.CNN" in text
    assert "torch.nn.Linear" not in text


@pytest.mark.parametrize("name", ["instantiate", "instantiate_classes"])
def test_building_is_guarded_under_either_name(name: str) -> None:
    entered, parser = [], OneLineParser()
    parser.guard = lambda: nullcontext(entered.append(name))
    getattr(parser, name)(parser.parse_args([]))
    assert entered == [name]
