import pytest

from src.engine.console.note import note


def test_note_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    note("by the way")
    assert capsys.readouterr() == ("", "note: by the way\n")
