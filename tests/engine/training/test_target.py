from types import SimpleNamespace as Fake

import pytest

from src.engine.console.failure import UsageError
from src.engine.records.known_metrics import KnownMetrics
from src.engine.records.metric import Metric
from src.engine.training.target import Target, parse_target

BEFORE = {"step": 2, "epoch": 1, "seconds": 1.5, "samples": 40, "val/acc": 0.5}
LAST = {"step": 4, "epoch": 1, "seconds": 2.5, "samples": 80, "val/acc": 0.9}
REACHED = {"to_target_s": 2.5, "to_target_steps": 4, "to_target_samples": 80}


TASK = Fake(headline=Metric("acc", "max"), metrics=(Metric("loss", "min"),))


def target_of(text: str = "val/acc=0.9", fitting: bool = True, **last: float) -> Target:
    heartbeat = Fake(fitting=fitting, validations=[BEFORE, LAST | last])
    return Target(text, heartbeat, KnownMetrics(TASK))


def trainer_of(sanity_checking: bool = False) -> Fake:
    one_is_enough = Fake(reduce_boolean_decision=lambda here, all=True: here and not all)
    return Fake(sanity_checking=sanity_checking, strategy=one_is_enough, should_stop=False)


def test_metric_and_value_are_read() -> None:
    assert parse_target("val/acc=0.99") == ("val/acc", "=", 0.99)
    assert parse_target("val_rmse<=1e-3") == ("val_rmse", "<=", 0.001)
    assert parse_target("f1>=-2") == ("f1", ">=", -2.0)


MORE = ["train/acc=0.9", "=0.9", "val/acc<0.9", "val/acc==0.9", "val/acc<=", "val/acc=inf"]


@pytest.mark.parametrize(
    "text", ["val/acc", "val/acc=x", "test/acc=0.9", "0.99", "val/acc=nan", *MORE]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"--target must be .* such as val/loss=0.1 or .*, got"):
        parse_target(text)


@pytest.mark.parametrize(
    ("text", "now", "reached"),
    [
        ("val/acc=0.99", 0.99, True),
        ("val/acc=0.99", 0.98, False),
        ("val/acc>=0.99", 0.995, True),
        ("val/loss=0.2", 0.2, True),
        ("val/loss=0.2", 0.1, True),
        ("val/loss=0.2", 0.3, False),
        ("val/loss<=0.2", 0.1, True),
        ("rmse<=0.2", 0.1, True),
        ("rmse<=0.2", 0.3, False),
        ("r2>=0.2", 0.3, True),
        ("r2>=0.2", 0.1, False),
    ],
)
def test_metric_gets_better_up_to_the_target(text: str, now: float, reached: bool) -> None:
    target, trainer = target_of(text, **{parse_target(text)[0]: now}), trainer_of()
    target.on_validation_end(trainer, None)
    assert trainer.should_stop is bool(target.reached) is reached


@pytest.mark.parametrize(
    ("text", "best"), [("val/acc<=0.5", "highest"), ("val/loss>=0.5", "lowest")]
)
def test_target_in_the_wrong_direction_is_refused(text: str, best: str) -> None:
    with pytest.raises(ValueError, match=f"^--target {text[:-3]}: its {best} value is best$"):
        target_of(text)


def test_target_of_unknown_direction_asks_for_a_sign() -> None:
    target = target_of("val/x=1")
    assert target.known.wanted == {"val/x": "write --target 'val/x<=1' or '>='"}
    assert target_of("val/x<=1").known.wanted == {}
    assert target_of("val/x<=1").known.get("val/x") == Metric("val/x", "min")


def test_reached_target_ends_training_and_keeps_what_it_took() -> None:
    target, trainer = target_of(), trainer_of()
    target.on_validation_end(trainer, None)
    assert (target.reached, trainer.should_stop) == (REACHED, True)


@pytest.mark.parametrize(
    ("text", "fitting", "sanity"),
    [("val/acc=0.91", True, False), ("val/acc=0.9", False, False), ("val/acc=0.9", True, True)],
)
def test_training_goes_on_until_its_validation_reaches_the_target(
    text: str, fitting: bool, sanity: bool
) -> None:
    target, trainer = target_of(text, fitting), trainer_of(sanity)
    target.on_validation_end(trainer, None)
    assert (target.reached, trainer.should_stop) == ({}, False)


def test_target_that_no_validation_logs_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^--target val/f1 is not logged .*, only val/acc$"):
        target_of("val/f1=0.9").on_validation_end(trainer_of(), None)


@pytest.mark.parametrize(
    ("text", "fitting", "kept"),
    [("val/acc=0.9", True, True), ("val/acc=0.8", True, False), ("val/acc=0.9", False, False)],
)
def test_reached_target_is_remembered_if_it_is_the_same(text: str, fitting: bool, kept) -> None:
    target = target_of(text, fitting)
    state = target_of().state_dict() | {"reached": {**REACHED, "other": 1.0}}
    target.load_state_dict(state)
    assert target.reached == (REACHED if kept else {})


def test_first_time_that_a_target_is_reached_counts() -> None:
    target, trainer = target_of(), trainer_of()
    target.load_state_dict(target.state_dict() | {"reached": {"to_target_s": 1.0}})
    target.on_validation_end(trainer, None)
    assert (target.reached, trainer.should_stop) == ({"to_target_s": 1.0}, False)
