import pytest

from src.engine.console.verb_parser import VerbParser


def test_error_is_one_line_and_exit_code_two(capsys: pytest.CaptureFixture[str]) -> None:
    parser = VerbParser("verb", "Do something.")
    parser.add_argument("ckpt")
    with pytest.raises(SystemExit) as stop:
        parser.parse_args([])
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        "error: the following arguments are required: ckpt; see python -m src.verb --help\n"
    )


def test_every_verb_can_be_debugged() -> None:
    assert VerbParser("verb", "Do something.").parse_args(["--debug"]).debug
