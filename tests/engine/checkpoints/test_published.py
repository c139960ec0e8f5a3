from pathlib import Path
from typing import Any

import pytest

from src.engine.checkpoints.published import first_words, link
from src.engine.console.command_line import LINKS, split_arguments
from src.train import DEFAULT

CLASSES = "model.init_args.num_classes"
WITH_CLASSES = {
    "class_path": "tests.trials.multi_label.MultiLabel",
    "init_args": {"num_classes": 3},
}


class Spy:
    def __init__(self) -> None:
        self.links: list[tuple[str, str]] = []

    def link_arguments(self, source: str, target: str, apply_on: str) -> None:
        assert apply_on == "instantiate"
        self.links.append((source, target))


def linked(content: dict[str, Any], *words: str) -> tuple[bool, set[str]]:
    spy = Spy()
    like_default = link(spy, content, words)
    return like_default, {target for _, target in spy.links}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"data": "tests.tiny_mnist.TinyMNIST"}, []),
        ({"data": {"class_path": "tests.tiny_mnist.TinyMNIST"}}, []),
        ({}, ["--data=src.data.MNISTDataModule"]),
        ({}, ["--data", "MNISTDataModule"]),
        ({"data": "tests.trials.classifier.ClassifierData"}, ["--data.class_path=MNISTDataModule"]),
        ({}, ['--data={"class_path": "MNISTDataModule"}']),
    ],
)
def test_data_set_hands_on_what_it_publishes(content: dict, words: list[str]) -> None:
    assert linked(content, *words) == (True, {target for _, target in LINKS})
    with pytest.raises(ValueError, match=r"the data set gives it, as data\.num_classes"):
        linked({**content, "model": WITH_CLASSES}, *words)


@pytest.mark.parametrize("words", [(), ("--data=null",)])
def test_without_a_data_set_nothing_is_handed_on(words: tuple[str, ...]) -> None:
    content = {"data": "src.data.MNISTDataModule"} if words else {}
    assert linked({**content, "model": WITH_CLASSES}, *words) == (False, set())


def test_user_gives_what_the_class_of_the_data_set_does_not_have() -> None:
    data = {"data": "tests.trials.classifier.ClassifierData"}
    assert linked(data) == (False, {target for _, target in LINKS})  # it may have it once made
    assert CLASSES not in linked({**data, "model": WITH_CLASSES})[1]
    assert CLASSES not in linked(data, "--model.num_classes=3")[1]


def test_unknown_data_set_is_left_to_the_parser() -> None:
    assert linked({"data": "tests.nowhere.Data"})[0]
    assert linked({"data": "Nowhere"})[0]


@pytest.mark.parametrize(
    ("words", "own"),
    [
        (["--model=tests.trials.classifier.OwnLoaders"], True),
        (["--model=tests.trials.classifier.OwnLoaders", "--data=MNISTDataModule"], False),
        (["--model=tests.trials.classifier.OwnLoaders", "--data.batch_size=3"], False),
        (["--model=tests.trials.classifier.Classifier"], False),
        (["--model=tests.nowhere.Model"], False),
        ([], False),
    ],
)
def test_module_with_loaders_takes_only_seed_and_length_of_the_default(words, own: bool) -> None:
    settings, first = first_words(split_arguments(words), DEFAULT)
    assert (settings == {}) is own
    kept = ["--seed_everything=0", "--trainer.max_epochs=2"]
    assert first == (kept if own else ["--config", str(DEFAULT)])


def test_named_configuration_is_whole(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("model: a.B\n")
    words = [f"--config={tmp_path}/x.yaml", "--model=tests.trials.classifier.OwnLoaders"]
    given = first_words(split_arguments(words), DEFAULT)
    assert given == ({"model": "a.B"}, ["--config", f"{tmp_path}/x.yaml"])


@pytest.mark.parametrize(
    ("content", "words", "sentence"),
    [
        ("seed_everything: 1", [], "names no class for model: write it there"),
        ("model: {optimizer: Adam}", [], "names no class for model: write it there"),
        ("seed_everything: 1", ["--model.lr=1"], "names no class for model, which --model.lr"),
        ("model: Any", ["--data.root", "x"], "names no class for data, which --data.root changes"),
        ("{model: Any, data: null}", ["--data.root", "x"], "names no class for data"),
    ],
)
def test_configuration_without_a_class_that_the_command_changes_is_refused(
    content: str, words: list[str], sentence: str, tmp_path: Path
) -> None:
    file = tmp_path / "part.yaml"
    file.write_text(content)
    with pytest.raises(ValueError, match=f"part.yaml {sentence}"):
        first_words(split_arguments(["--config", str(file), *words]), DEFAULT)


@pytest.mark.parametrize(
    "words",
    [["--model", "Any"], ["--model.class_path=Any", "--model.lr=1"], ["--print_config"]],
)
def test_configuration_without_a_model_is_read_with_a_command_that_names_one(
    words: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "part.yaml"
    file.write_text("seed_everything: 1")
    settings, first = first_words(split_arguments(["--config", str(file), *words]), DEFAULT)
    assert (settings, first) == ({"seed_everything": 1}, ["--config", str(file)])
