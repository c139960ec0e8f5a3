import pytest

from src.engine.console.command_line import (
    LINKS,
    TAKEN_OUT,
    option_name,
    refuse_linked,
    split_arguments,
)


def test_option_is_named_without_the_keys_of_the_file() -> None:
    assert option_name("model.init_args.network.class_path") == "model.network"
    assert option_name("model.dict_kwargs.class_paths") == "model.class_paths"


def test_file_is_found_wherever_it_stands() -> None:
    words = split_arguments(["--a", "1", "-c", "x.yaml", "--b=2"])
    assert (words.config, words.root, words.rest) == ("x.yaml", ".", ["--a", "1", "--b=2"])
    assert split_arguments(["--a=1", "--ckpt_path", "last"]).ckpt_path == "last"
    assert split_arguments(["--weights=w.pt", "--config", "x"])[:3] == ("x", None, "w.pt")


def test_command_without_files_is_left_as_it_is() -> None:
    words = ["--a=1", "--print_config=x"]
    assert split_arguments(words) == (*[None] * 7, ".", words)


def test_folder_of_runs_is_read_and_left_in_place() -> None:
    words = ["--trainer.default_root_dir", "runs"]
    assert split_arguments(words)[-2:] == ("runs", words)


def test_seeds_group_and_jobs_are_taken_out() -> None:
    words = split_arguments(["--seeds", "5", "--group=a", "--x=1", "--jobs", "2"])
    assert (words.seeds, words.group, words.jobs, words.rest) == ("5", "a", "2", ["--x=1"])


@pytest.mark.parametrize("other", ["--config=x.yaml", "--weights=w.pt", "--group=a", "--seeds=3"])
def test_resumed_run_has_its_own_files(other: str) -> None:
    with pytest.raises(ValueError, match="cannot be combined with --ckpt_path"):
        split_arguments([other, "--ckpt_path=last"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-c", "a", "--config=b"], "--config is given 2 times"),
        (["--ckpt_path="], "--ckpt_path needs a value"),
    ],
)
def test_other_numbers_of_files_are_refused(words: list[str], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        split_arguments(words)


@pytest.mark.parametrize(
    "word",
    [
        "--model.num_classes=5",
        "--model.network.dict_kwargs.num_classes=5",
        "--model.network.init_args.num_classes",
        "model.network.image_shape",
    ],
)
def test_what_the_data_set_publishes_cannot_be_set(word: str) -> None:
    with pytest.raises(ValueError, match=r"the data set gives it, as data\.(num_c|image_s)"):
        refuse_linked(["--model.network.width", "5", word])


def test_every_option_that_is_taken_out_has_its_place() -> None:
    names = ("config", "weights", "group", "seeds", "jobs", "trust")
    words = split_arguments([f"--{name}={name[0]}" for name in names])
    assert words == ("c", None, "w", "g", "s", "j", "t", ".", [])
    assert split_arguments(["--ckpt_path=a", "--jobs=2", "--trust=b"])[1] == "a"


@pytest.mark.parametrize("name", ["config", *TAKEN_OUT])
def test_option_without_its_value_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"^--{name} needs a value: see --help$"):
        split_arguments([f"--{name}"])


def test_abbreviation_is_no_option() -> None:
    words = ["--con=x", "--trainer.default_root=y", "--see", "3"]
    assert split_arguments(words).rest == words
    assert split_arguments(words).root == "."
    assert split_arguments(["--trainer.default_root_dir"]).root == "."
    assert split_arguments(["-h"]).rest == ["-h"]


def test_links_are_from_the_data_to_the_task_and_its_network() -> None:
    network = "model.init_args.network.init_args"
    assert set(LINKS) == {
        ("data.num_classes", "model.init_args.num_classes"),
        ("data.num_classes", f"{network}.num_classes"),
        ("data.image_shape", f"{network}.image_shape"),
    }
    refuse_linked(["--model.network.width=5", "5", "--a=model.num_classes"])
