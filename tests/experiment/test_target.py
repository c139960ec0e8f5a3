import pytest

from src.experiment.target import is_reached, parse_target


def test_metric_and_value_are_read() -> None:
    assert parse_target("val/acc=0.99") == ("val/acc", 0.99)


@pytest.mark.parametrize("text", ["val/acc", "val/acc=x", "test/acc=0.9", "0.99", "val/acc=nan"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"--target must be .* such as val/acc=0.99, got"):
        parse_target(text)


def test_accuracy_rises_and_loss_falls_to_the_target() -> None:
    assert is_reached("val/acc", 0.99, 0.99)
    assert not is_reached("val/acc", 0.98, 0.99)
    assert is_reached("val/loss", 0.1, 0.2)
    assert not is_reached("val/loss", 0.3, 0.2)
