from pathlib import Path

from src.engine.console.shown import shown


def test_path_with_a_space_is_quoted(tmp_path: Path) -> None:
    assert shown(tmp_path / "a b") == f"'{tmp_path}/a b'"


def test_path_inside_the_working_directory_is_relative(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert (shown(tmp_path / "a"), shown(Path("a")), shown(Path("/b"))) == ("a", "a", "/b")
    assert "\n" not in shown(tmp_path / "a\nb")
