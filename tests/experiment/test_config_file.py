import re
from pathlib import Path

import pytest

from src.experiment.config_file import refuse_unreadable


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", "holds no settings"), ("- 1", "holds no settings"), ("a: [", "is not YAML")],
)
def test_file_that_is_no_configuration_is_named(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=f"{re.escape(str(file))} {expected}"):
        refuse_unreadable(file, tmp_path)


def test_missing_file_names_those_that_exist(tmp_path: Path) -> None:
    (tmp_path / "default.yaml").touch()
    with pytest.raises(ValueError, match=r"No such file or directory.* has default\.yaml"):
        refuse_unreadable(tmp_path / "lost.yaml", tmp_path)
