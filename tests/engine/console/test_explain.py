from collections.abc import Iterable

import pytest
from lightning.pytorch import Callback
from lightning.pytorch.loggers import Logger
from torch.nn import Module

import src.models  # noqa: F401  # whose classes a message may name
from src.engine.console.explain import explain
from src.engine.console.parser import OneLineParser


def test_message_without_nesting_becomes_one_line() -> None:
    assert explain("one\n  two -three") == "one two -three"


def test_message_of_a_bug_is_not_taken_for_an_option() -> None:
    message = "module 'torch' has no attribute 'foo'"
    assert explain(message) == message


def test_unknown_option_gets_the_nearest_one() -> None:
    message = explain("unrecognized arguments: --trainer.max_epoch 3", ["--trainer.max_epochs"])
    assert message == "--trainer.max_epoch is not an option; did you mean --trainer.max_epochs?"


def test_unknown_option_without_a_near_one_gets_no_hint() -> None:
    message = explain("unrecognized arguments: --bogus=3", ["--trainer.max_epochs"])
    assert message == "--bogus is not an option"


@pytest.mark.parametrize("name", ["--lr", "--model.learning_rate"])
def test_name_of_other_trainers_leads_to_ours(name: str) -> None:
    expected = f"{name} is not an option; did you mean --model.optimizer.lr?"
    assert explain(f"unrecognized arguments: {name} 0.1") == expected


def test_file_without_its_option_is_understood() -> None:
    message = explain("unrecognized arguments: configs/notebook.yaml")
    assert message.endswith("did you mean --config configs/notebook.yaml?")


def test_word_too_many_and_option_of_no_one_get_no_hint() -> None:
    assert explain("unrecognized arguments: 6") == "6 does not belong to an option"
    assert explain("unrecognized arguments: --", ["--help"]) == "-- does not belong to an option"
    message = "unrecognized arguments: --model.optimizer.lr 1"
    assert explain(message) == "--model.optimizer.lr is not an option"


def test_missing_package_of_a_class_is_named_with_its_command() -> None:
    message = """Does not validate against any of the Union subtypes
  - Problem with given class_path 'lightning.pytorch.loggers.CometLogger':
      Requirement 'comet-ml>=3.44.4' not met. HINT: Try running `pip install -U 'comet-ml'`
  - Expected a <class 'bool'>"""
    assert explain(message) == "CometLogger needs comet-ml: pip install comet-ml"


@pytest.mark.parametrize("prefix", ["", "lightning.pytorch.loggers."])
@pytest.mark.parametrize("name", ["NeptuneLogger", "LitLogger"])
def test_logger_that_no_command_can_name_is_told(name: str, prefix: str, capsys) -> None:
    parser = OneLineParser()
    parser.add_argument("--logger", type=Logger | list[Logger] | bool | None)
    with pytest.raises(SystemExit):
        parser.parse_args([f"--logger={prefix}{name}"])
    line = capsys.readouterr().err
    assert line.startswith(f"error: --logger: {name} cannot be used: take TensorBoardLogger, ")


def test_missing_argument_of_a_class_is_named() -> None:
    message = """Parser key "model":
  Parser key "scheduler":
    the following arguments are required: step_size"""
    assert explain(message) == "--model.scheduler needs step_size: give --model.scheduler.step_size"


def test_misspelt_section_of_a_file_gets_the_nearest_one() -> None:
    message = explain("Option 'trainr.max_epochs' is not accepted", ["--trainer.max_epochs"])
    assert message == "--trainr.max_epochs is not an option; did you mean --trainer.max_epochs?"


@pytest.mark.parametrize("value", ["x", "two words"])
def test_nested_type_error_names_key_type_and_value(value: str) -> None:
    message = f"""Parser key "data":
  Problem with given class_path 'src.data.MNISTDataModule':
    Parser key "batch_size":
      Does not validate against any of the Union subtypes
      Errors:
        - Expected a <class 'int'>
        - Expected a <class 'NoneType'>
      Given value type: <class 'str'>
      Given value: {value}"""
    assert explain(message) == f"--data.batch_size: expected int, got {value}"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "Importing 'a.B' is not allowed, denied by the rule, say x to allow it.",
            "a.B is not on the list of what a checkpoint may name (docs/security.md)",
        ),
        ("Unexpected import path format: x y", "expected a class, got the text x y"),
        (
            "Group 'data' does not accept option 'batch_sise'",
            "--data.batch_sise is not an option; did you mean --data.batch_size?",
        ),
        (
            "Option 'model.init_args.epochs' is not accepted",
            "--model.epochs is not an option; did you mean --trainer.max_epochs?",
        ),
        (
            "UNRECOGNIZED arguments: --dat",
            "--dat is not an option; did you mean --data.batch_size?",
        ),
        (
            "unrecognized arguments: --DATA.BATCH_SIZE",
            "--DATA.BATCH_SIZE is not an option; did you mean --data.batch_size?",
        ),
        (
            "unrecognized arguments: --dota.a.b=3",
            "--dota.a.b is not an option; did you mean --data.a.b?",
        ),
        ("unrecognized arguments: --data.zzzzzzz", "--data.zzzzzzz is not an option"),
        ("unrecognized arguments: --config.yaml", "--config.yaml is not an option"),
        ("unrecognized arguments: x.txt", "x.txt does not belong to an option"),
    ],
)
def test_one_line_says_what_is_wrong(message: str, expected: str) -> None:
    assert explain(message, ["--data.batch_size"]) == expected


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("batch_size", "--data.batch_size"),
        ("devices", "--trainer.devices"),
        ("epochs", "--trainer.max_epochs"),
        ("gpus", "--trainer.devices"),
        ("optimizer", "--model.optimizer"),
        ("resume", "--ckpt_path"),
        ("seed", "--seed_everything"),
    ],
)
def test_name_that_others_use_leads_to_ours(name: str, ours: str) -> None:
    expected = f"--{name} is not an option; did you mean {ours}?"
    assert explain(f"unrecognized arguments: --{name}=1") == expected


def test_option_of_a_class_gets_the_nearest_one_of_that_class() -> None:
    message = """Parser key "model":
  Parser key "network":
    Problem with given class_path 'src.models.CNN':
      Option 'widht' is not accepted"""
    expected = "--model.network.widht is not an option; did you mean --model.network.width?"
    assert explain(message, ["--model.widht"]) == expected
    unknown = message.replace("src.models.CNN", "src.models.Nothing")
    assert explain(unknown) == "--model.network.widht is not an option"
    nowhere = message.replace("Problem with given class_path 'src.models.CNN':", "Problem:")
    assert explain(nowhere) == "--model.network.widht is not an option"


def test_class_that_a_module_lacks_gets_the_nearest_one() -> None:
    message = """Parser key "model.optimizer":
  module 'torch.optim' has no attribute 'Adm'"""
    assert explain(message) == "--model.optimizer: torch.optim has no Adm; did you mean Adam?"


def test_class_that_is_nowhere_gets_the_nearest_one() -> None:
    message = """Parser key "model.optimizer":
  Does not validate against any of the Union subtypes
  - Expected a dot import path string: AdamX
  - Expected a <class 'NoneType'>"""
    assert explain(message).startswith(
        "--model.optimizer: there is no class AdamX; did you mean Adam"
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("Foo", "there is no class Foo: give its full name, such as my_package.Foo"),
        ("[Foo]", "there is no class Foo: give its full name, such as my_package.Foo"),
        ("EarlyStoping", "there is no class EarlyStoping; did you mean EarlyStopping?"),
        ("no_package.Foo", "No module named 'no_package'"),
        ("CNN", "CNN is a class of another kind"),
        ("torch.optim.Adam", "torch.optim.Adam is not a Callback"),
        ("[torch.optim.Adam]", "torch.optim.Adam is not a Callback"),
        ("3", "expected list, got 3"),
    ],
)
def test_wrong_class_is_told_where_several_types_are_taken(value: str, said: str, capsys) -> None:
    parser = OneLineParser()
    parser.add_argument("--callbacks", type=list[Callback] | Callback | None)
    with pytest.raises(SystemExit):
        parser.parse_args([f"--callbacks={value}"])
    assert capsys.readouterr().err == f"error: --callbacks: {said}\n"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("csv", "there is no class csv; did you mean CSVLogger?"),
        ("CSVLoger", "there is no class CSVLoger; did you mean CSVLogger?"),
        ("3", "expected collections.abc.Iterable or bool, got 3"),
    ],
)
def test_wrong_logger_is_told(value: str, said: str, capsys) -> None:
    parser = OneLineParser()
    parser.add_argument("--logger", type=Logger | Iterable[Logger] | bool | None)
    with pytest.raises(SystemExit):
        parser.parse_args([f"--logger={value}"])
    assert capsys.readouterr().err == f"error: --logger: {said}\n"


def test_number_in_the_place_of_a_class_is_told(capsys) -> None:
    parser = OneLineParser()
    parser.add_argument("--network", type=Module)
    with pytest.raises(SystemExit):
        parser.parse_args(["--network=3"])
    assert capsys.readouterr().err == "error: --network: expected the name of a class, got 3\n"


def test_option_that_one_of_several_classes_has_is_not_denied() -> None:
    message = """Parser key "trainer.callbacks":
  Does not validate against any of the Union subtypes
  Errors:
    - Problem with given class_path 'lightning.pytorch.callbacks.ThroughputMonitor':
        Parser key "batch_size_fn":
          Expected a dot import path string: lenn
    - Problem with given class_path 'lightning.Callback':
        Option 'batch_size_fn' is not accepted
  Given value type: <class 'jsonargparse._util.NestedArg'>
  Given value: NestedArg(key='batch_size_fn', val='lenn')"""
    told = "--trainer.callbacks.batch_size_fn: there is no class lenn"
    assert explain(message).startswith(told)


def test_several_causes_are_alternatives() -> None:
    message = """Parser key "trainer.devices":
  Does not validate against any of the Union subtypes
  - Expected a <class 'int'>
  - Expected a <class 'float'>
  - Expected a <class 'int'>
  Given value type: <class 'str'>
  Given value: x"""
    assert explain(message) == "--trainer.devices: expected int or float, got x"


def test_choices_are_listed() -> None:
    message = """Parser key "best.mode":
  Expected a typing.Literal['max', 'min']. Got value: mix"""
    assert explain(message) == "--best.mode: expected 'max', 'min', got mix"


def test_value_that_is_a_whole_section_is_left_out() -> None:
    message = """Parser key "data":
  Expected a <class 'int'>
  Given value: Namespace(a=1)"""
    assert explain(message) == "--data: expected int"


def test_cause_that_is_a_sentence_stays_one() -> None:
    message = """Parser key "data":
  Does not validate against any of the Union subtypes
  the file is not there"""
    assert explain(message) == "--data: the file is not there"
    assert explain("Does not validate: the file is not there") == (
        "Does not validate: the file is not there"
    )


def test_first_of_the_missing_arguments_is_asked_for() -> None:
    message = """Parser key "model":
  the following arguments are required: a, b"""
    assert explain(message) == "--model needs a, b: give --model.a"
    bare = "the following arguments are required: a, b"
    assert explain(bare) == bare
