"""Secrets among settings: masked where they are written, asked for where they are needed."""

from pathlib import Path

import pytest
import yaml

from src.engine.console.command_line import split_arguments
from src.engine.records.masked_settings import (
    given_again,
    masked_config,
    masked_settings,
    masked_words,
    refuse_masked,
)

CONFIG = {
    "trainer": {
        "logger": [{"class_path": "L", "init_args": {"api_key": "hunter2X", "name": "a"}}],
        "max_epochs": 2,
    },
    "model": {"token_size": 8, "init_args": {"db_password": 12345, "uri": "x://u:hunter2X@h"}},
}


def test_settings_lose_secrets_alone() -> None:
    hidden = masked_settings(CONFIG)
    arguments = hidden["trainer"]["logger"][0]["init_args"]
    assert arguments == {"api_key": "***", "name": "a"}
    assert hidden["model"] == {
        "token_size": 8,
        "init_args": {"db_password": "***", "uri": "x://u:***@h"},
    }
    assert hidden["trainer"]["max_epochs"] == 2
    assert "hunter2X" in str(CONFIG)


def test_all_within_a_secret_is_secret() -> None:
    content = {"credentials": {"user": "me", "parts": ["a", None]}}
    assert masked_settings(content) == {"credentials": {"user": "***", "parts": ["***", None]}}
    part = {"token": {"class_path": "x.Token", "init_args": {"kind": "a"}}}
    assert masked_settings(part) == part


def test_configuration_stays_yaml() -> None:
    text = masked_config(yaml.safe_dump(CONFIG))
    assert yaml.safe_load(text) == masked_settings(CONFIG)
    assert masked_config(text) == text
    assert masked_config("a: 1  # mine\n") == "a: 1  # mine\n"
    assert "hunter2X" not in masked_config("a: 1\n# api_key: hunter2X\n")
    assert "hunter2X" not in masked_config("a: {\napi_key: hunter2X\n")


def test_words_lose_secrets_alone() -> None:
    words = ["train", "--a.api_key", "a b", "--b.token=c=d", "--lr", "1", "-e", "x://u:p@h"]
    hidden = ["train", "--a.api_key", "***", "--b.token=***", "--lr", "1", "-e", "x://u:***@h"]
    assert masked_words(words) == hidden
    assert masked_words(['{"api_key": "a=b", "c": "d"}']) == ['{"api_key": "***", "c": "d"}']
    assert masked_words(["--password", "--x=y://u:p@h"]) == ["--password", "--x=y://u:***@h"]


def test_secret_that_was_not_recorded_is_asked_for() -> None:
    refuse_masked(CONFIG)
    with pytest.raises(ValueError, match=r"^--trainer.logger and --model.db_password and --model"):
        refuse_masked(masked_settings(CONFIG))


def test_secrets_of_a_command_are_given_again(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("trainer:\n  logger:\n    init_args:\n      api_key: a b\n  max_epochs: 2\n")
    words = ["--config", str(file), "--lr=1", "--x.token", "c", "--y.password=d"]
    assert given_again(split_arguments(words)) == [
        "--trainer.logger.api_key=a b",
        "--x.token",
        "c",
        "--y.password=d",
    ]
