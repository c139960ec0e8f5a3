import pytest

from src.engine.records.changes import (
    Change,
    changes,
    refuse_finished,
    refuse_other_batch,
    refuse_other_experiment,
)

BEFORE = "{model: {class_path: T, init_args: {optimizer: {class_path: A, init_args: {lr: 1}}}}}"
NOW = "{model: {class_path: T, init_args: {optimizer: {class_path: A, init_args: {lr: 2, x: 3}}}}}"


def test_changes_are_named_as_on_the_command_line() -> None:
    assert changes(BEFORE, NOW) == [
        ("model.optimizer.lr", 1, 2),
        ("model.optimizer.x", None, 3),
    ]
    assert changes(NOW, NOW) == []
    assert changes("{a: 1}", "{a: 1, target: null, test: true}") == []  # older ones lack these


@pytest.mark.parametrize(
    "name", ["seed_everything", "data", "data.augment.degrees", "model", "model.network.width"]
)
def test_other_experiment_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"--{name} cannot change .* from 1 to 2: .*--weights"):
        refuse_other_experiment([Change(name, 1, 2)])


@pytest.mark.parametrize("name", ["limit_train_batches", "limit_val_batches", "overfit_batches"])
def test_one_batch_cannot_become_all_of_them(name: str) -> None:
    found = changes(f"{{trainer: {{{name}: 1}}}}", f"{{trainer: {{{name}: 1.0}}}}")
    with pytest.raises(ValueError, match=f"--trainer.{name} cannot change .* from 1 to 1.0"):
        refuse_other_experiment(found)


@pytest.mark.parametrize(
    "name",
    [
        "trainer.max_epochs",
        "data.num_workers",
        "data.file",
        "model.optimizer.lr",
        "last.every_n_steps",
    ],
)
def test_what_makes_no_other_experiment_may_change(name: str) -> None:
    refuse_other_experiment([Change(name, 1, 2)])


def test_batch_may_be_shared_otherwise() -> None:
    before, now = {"data.batch_size": 64}, {"data.batch_size": 128}
    refuse_other_batch(before, now, [2, 1])
    refuse_other_batch(before, before, [2, 2])
    for others in ((before, {}), ({}, before), ({}, {})):
        refuse_other_batch(*others, [2, 1])
    with pytest.raises(ValueError, match="64 in each of 2 processes and would be 128 in 2"):
        refuse_other_batch(before, now, [2, 2])
    with pytest.raises(ValueError, match="64 in each of 2 processes and would be 64 in 1"):
        refuse_other_batch(before, before, [2, 1])


@pytest.mark.parametrize(
    ("max_epochs", "max_steps", "more"),
    [
        (3, -1, True),
        (None, -1, True),
        (-1, -1, True),
        (2, -1, False),
        (0, -1, False),
        (9, 20, False),
    ],
)
def test_finished_training_is_refused(max_epochs: int | None, max_steps: int, more: bool) -> None:
    progress = {"epoch_progress": {"current": {"processed": 2}}}
    checkpoint = {"loops": {"fit_loop": progress}, "global_step": 20}
    limits = {"trainer.max_epochs": max_epochs, "trainer.max_steps": max_steps}
    if more:
        refuse_finished(checkpoint, limits, [])
    else:
        with pytest.raises(ValueError, match=r"already reached its end, (epoch|step) 2"):
            refuse_finished(checkpoint, limits, [])


def test_training_that_ended_by_itself_is_refused_until_its_end_is_moved() -> None:
    progress = {"epoch_progress": {"current": {"processed": 2}}}
    checkpoint = {"loops": {"fit_loop": progress}, "global_step": 20, "ended": True}
    limits = {"trainer.max_epochs": 9, "trainer.max_steps": -1}
    with pytest.raises(ValueError, match="the training ended by itself at step 20"):
        refuse_finished(checkpoint, limits, [Change("data.num_workers", 0, 1)])
    refuse_finished(checkpoint, limits, [Change("trainer.max_time", "x", None)])
