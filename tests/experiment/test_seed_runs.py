from pathlib import Path

import pytest

from src.experiment.seed_runs import parse_seeds, seeds_group
from src.experiment.words import take_apart


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", [1, 2, 3]),
        ("3,", [3]),
        ("7,2,7", [7, 2]),
        ("1,5-8", [1, 5, 6, 7, 8]),
        ("11-13", [11, 12, 13]),
    ],
)
def test_seeds_are_a_number_or_a_list(text: str, expected: list[int]) -> None:
    assert parse_seeds(text) == expected


@pytest.mark.parametrize("text", ["0", "x", "1,,2", "-3", "9-5", "99999999999,", "1.5"])
def test_other_seeds_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="--seeds"):
        parse_seeds(text)


def group_of(root: Path, *words: str):
    default = root / "default.yaml"
    if not default.exists():
        default.write_text("a: 1\n")
    return seeds_group(take_apart([f"--trainer.default_root_dir={root}", *words]), default)


def test_same_command_means_the_same_group(tmp_path: Path) -> None:
    name = group_of(tmp_path, "--seeds=3").name
    assert name.startswith("default-")
    assert group_of(tmp_path, "--seeds=9", "--jobs=2").name == name
    assert group_of(tmp_path, "--seeds=3", "--model.optimizer.lr=1").name != name


def test_changed_configuration_is_another_group(tmp_path: Path) -> None:
    name = group_of(tmp_path, "--seeds=3").name
    (tmp_path / "default.yaml").write_text("a: 2\n")
    assert group_of(tmp_path, "--seeds=3").name != name


def test_name_of_another_command_is_refused(tmp_path: Path) -> None:
    group_of(tmp_path, "--seeds=3", "--group=mine")
    with pytest.raises(ValueError, match="group mine was made with another options"):
        group_of(tmp_path, "--seeds=3", "--group=mine", "--model.optimizer.lr=1")


def test_seed_is_not_given_twice(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--seed_everything and --seeds exclude each other"):
        group_of(tmp_path, "--seeds=3", "--seed_everything=1")


@pytest.mark.parametrize("name", ["a/b", "version_3", "last", "..", ""])
def test_group_has_a_name_that_is_no_path_or_run(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="--group"):
        group_of(tmp_path, "--seeds=3", f"--group={name}")
