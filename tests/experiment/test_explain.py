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
