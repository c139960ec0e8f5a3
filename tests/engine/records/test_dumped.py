from pathlib import Path

import pytest
from jsonargparse import ActionConfigFile

from src.engine.console.parser import OneLineParser
from src.engine.records.dumped import dump, dump_default


def parser() -> OneLineParser:
    made = OneLineParser(exit_on_error=False)
    made.add_argument("--config", action=ActionConfigFile)
    for name in ("ckpt_path", "weights", "group", "seeds", "jobs", "trust", "debug", "api_key"):
        made.add_argument(f"--{name}", default=None)
    made.add_argument("--lr", type=float, default=0.1)
    return made


def test_configuration_is_written_without_its_secrets() -> None:
    config = parser().parse_args(["--lr", "0.5", "--api_key", "hunter2X"])
    text = dump(parser(), config)
    assert "lr: 0.5\n" in text
    assert "hunter2X" not in text


def test_default_has_no_option_of_the_command_alone(tmp_path: Path) -> None:
    (tmp_path / "default.yaml").write_text("lr: 0.25\n")
    text = dump_default(parser(), tmp_path / "default.yaml")
    assert text.splitlines() == ["api_key: null", "lr: 0.25"]


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_no_file_is_no_default(tmp_path: Path, name: str) -> None:
    assert dump_default(parser(), tmp_path / name) is None
