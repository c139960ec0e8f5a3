import pytest

from src.experiment.words import option_name, refuse_linked, refuse_other_experiment, take_apart


def test_option_is_named_without_the_keys_of_the_file() -> None:
    assert option_name("model.init_args.network.class_path") == "model.network"
    assert option_name("model.dict_kwargs.class_paths") == "model.class_paths"


def test_files_are_found_wherever_they_stand() -> None:
    words = take_apart(["--a", "1", "-c", "x.yaml", "--b=2", "--ckpt_path=y.ckpt"])
    assert words == ("x.yaml", "y.ckpt", ["--a", "1", "--b=2"])


def test_command_without_files_is_left_as_it_is() -> None:
    assert take_apart(["--a=1", "--print_config=x"]) == (None, None, ["--a=1", "--print_config=x"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-c", "a", "--config=b"], "--config is given 2 times"),
        (["--config"], "--config needs the name of a file"),
        (["--ckpt_path="], "--ckpt_path needs the name of a file"),
    ],
)
def test_other_numbers_of_files_are_refused(words: list[str], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        take_apart(words)


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


def test_what_changes_no_experiment_may_change() -> None:
    refuse_other_experiment(
        ["--trainer.max_epochs=3", "--data.data_dir=x", "--last.every_n_epochs=2"]
    )
