import pytest

from src.experiment.explain import explain


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
    assert explain("unrecognized arguments: 6") == "6 belongs to no option"
    assert explain("unrecognized arguments: --", ["--help"]) == "-- belongs to no option"
    message = "unrecognized arguments: --model.optimizer.lr 1"
    assert explain(message) == "--model.optimizer.lr is not an option"


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
