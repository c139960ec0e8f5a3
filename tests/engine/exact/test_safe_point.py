from types import SimpleNamespace as Fake

import pytest
import torch
from lightning.pytorch.callbacks import (
    GradientAccumulationScheduler,
    ModelPruning,
    StochasticWeightAveraging,
)

from src.engine.exact.safe_point import SafePoint
from tests.engine.test_lightning_compat import fit_loop

AUTOMATIC = Fake(automatic_optimization=True)


def test_actions_wait_for_accumulated_gradients() -> None:
    acted = []
    callback = SafePoint(lambda trainer, in_epoch: acted.append(in_epoch))
    for batch in range(7):
        callback.on_train_batch_start(
            Fake(lightning_module=AUTOMATIC, global_step=0, accumulate_grad_batches=3),
            None,
            None,
            batch,
        )
    assert acted == [False, True, True]


@pytest.mark.parametrize(
    ("batch", "accumulated", "exact"),
    [
        ((4, 3, 3, 3), 1, True),
        ((4, 3, 3, 3), 3, True),
        ((4, 3, 3, 3), 2, False),  # gradients of the third batch would be lost
        ((4, 4, 4, 3), 1, None),  # inside a batch
    ],
)
def test_state_tells_whether_it_is_exact(batch: tuple, accumulated: int, exact, capsys) -> None:
    checkpoint = {"loops": {"fit_loop": fit_loop(batch, (3, 3, 2, 2))}, "state_dict": {}}
    trainer = Fake(training=True, lightning_module=AUTOMATIC, accumulate_grad_batches=accumulated)
    callback = SafePoint()
    callback.on_save_checkpoint(trainer, None, checkpoint)
    assert checkpoint.get("exact") is exact
    callback.on_load_checkpoint(trainer, None, checkpoint)
    assert ("saved inside a step" in capsys.readouterr().err) is not exact


def test_test_of_a_state_says_nothing_of_how_it_goes_on(capsys) -> None:
    SafePoint().on_load_checkpoint(Fake(training=False), None, {})
    assert not capsys.readouterr().err


def test_what_acts_at_once_acts_first_and_in_each_batch() -> None:
    acted = []
    callback = SafePoint(
        *(lambda _, inside, name=name: acted.append((name, inside)) for name in "ab"),
        at_once=lambda _, inside: acted.append(("now", inside)),
    )
    trainer = Fake(lightning_module=AUTOMATIC, global_step=0, accumulate_grad_batches=2)
    for batch in range(3):
        callback.on_train_batch_start(trainer, None, None, batch)
    inside = [("now", True), ("a", True), ("b", True)]
    assert acted == [("now", False), ("a", False), ("b", False), ("now", True), *inside]


@pytest.mark.parametrize("cut", [True, False])
def test_end_of_an_epoch_or_of_training_is_acted_on_once(cut: bool, monkeypatch) -> None:
    acted = []
    monkeypatch.setattr("src.engine.exact.safe_point.ends_in_epoch", lambda _: cut)
    callback = SafePoint(lambda _, inside: acted.append(inside))
    callback.on_train_epoch_end(None, None)
    assert acted == [False] * cut
    callback.on_train_end(None, None)
    assert acted == [False]


def resumed(**parts) -> tuple[SafePoint, Fake]:
    """A callback and a trainer of a run that goes on."""
    loop = {"state_dict": {}, "epoch_loop.state_dict": {"_batches_that_stepped": 5}}
    state = {"exact": True, "loops": {"fit_loop": loop}, "state_dict": {}} | parts
    callback = SafePoint()
    total = Fake(completed=21, ready=30)
    epoch_loop = Fake(batch_progress=Fake(total=total), _batches_that_stepped=6)
    fit = Fake(epoch_loop=epoch_loop, _restarting=True)
    trainer = Fake(training=True, fit_loop=fit, callbacks=[], accumulate_grad_batches=1)
    trainer.lightning_module, trainer.global_step = AUTOMATIC, 21
    trainer.train_dataloader = None
    callback.on_load_checkpoint(trainer, None, state)
    return callback, trainer


def test_progress_that_lightning_restores_is_mended_once(monkeypatch) -> None:
    callback, trainer = resumed()
    scheduler = object.__new__(GradientAccumulationScheduler)
    begun = []
    monkeypatch.setattr(GradientAccumulationScheduler, "on_train_epoch_start", begun.append)
    scheduler.on_train_epoch_start = begun.append
    trainer.callbacks = [object(), scheduler]
    callback.on_train_batch_start(trainer, None, None, 3)
    loop = trainer.fit_loop
    assert loop.epoch_loop._batches_that_stepped == 5
    assert (loop.epoch_loop.batch_progress.total.ready, loop._restarting) == (22, False)
    assert begun == [trainer]
    callback.on_train_batch_start(trainer, None, None, 4)
    assert begun == [trainer]


@pytest.mark.parametrize("kind", [torch.float64, torch.float32])
def test_weights_of_64_bits_are_loaded_again(kind: torch.dtype) -> None:
    weights, loaded = {"a": torch.ones(1), "w": torch.ones(1, dtype=kind)}, []
    callback, trainer = resumed(state_dict=weights)
    callback.on_train_start(trainer, Fake(load_state_dict=loaded.append))
    assert loaded == [weights] * (kind == torch.float64)
    assert callback._weights == {}


def test_averaging_that_does_not_go_on_exactly_is_told(capsys) -> None:
    callback, trainer = resumed()
    kinds = StochasticWeightAveraging, ModelPruning
    trainer.callbacks = [*map(object.__new__, kinds), object()]
    callback.on_train_start(trainer, None)
    assert capsys.readouterr().err.startswith(
        "note: StochasticWeightAveraging does not go on exactly; WeightAveraging does\n"
        "note: ModelPruning does not go on exactly: weights that were pruned are not known any more"
    )


def test_run_that_begins_has_nothing_to_restore(capsys) -> None:
    SafePoint().on_train_start(Fake(callbacks=None), None)
    assert capsys.readouterr().err == ""


def test_batch_of_a_module_that_steps_by_hand_may_take_any_number_of_steps() -> None:
    acted = []
    callback = SafePoint(lambda trainer, _: acted.append(trainer.global_step))
    by_hand = Fake(automatic_optimization=False)
    for batch, step in enumerate((0, 0, 2, 2, 4)):  # the first and the third one take none
        trainer = Fake(lightning_module=by_hand, global_step=step, accumulate_grad_batches=1)
        callback.on_train_batch_start(trainer, None, None, batch)
    assert acted == [0, 0, 2, 4]  # without a step there is nothing to wait for
