"""The temperature of a run, fitted while it validates."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from src.batch import Batch
from src.callbacks.temperature import Temperature, fit_temperature
from tests.conftest import Train


def outputs(scale: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Labels drawn from the very probabilities of logits, which are then scaled."""
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(4000, 10, generator=generator)
    label = torch.multinomial(logits.softmax(dim=1), 1, generator=generator).flatten()
    return scale * logits, label


@pytest.mark.parametrize("scale", [0.2, 1.0, 5.0])
def test_scaled_logits_are_scaled_back(scale: float) -> None:
    assert fit_temperature(*outputs(scale)) == pytest.approx(scale, rel=0.05)


def test_temperature_is_lowest_on_a_grid() -> None:
    logits, label = outputs(3.0)
    found = fit_temperature(logits, label)
    losses = {t: F.cross_entropy(logits / t, label) for t in (0.98 * found, found, 1.02 * found)}
    assert min(losses, key=losses.__getitem__) == found
    temperature = torch.tensor(found, dtype=torch.double, requires_grad=True)
    F.cross_entropy(logits.double() / temperature, label).backward()
    assert abs(temperature.grad) < 1e-6  # the very lowest


def test_separable_logits_keep_it_in_bounds() -> None:
    logits = 10 * torch.eye(10)
    assert fit_temperature(logits, torch.arange(10)) == pytest.approx(0.05, rel=1e-3)


def test_constant_logits_keep_it_finite() -> None:
    assert 0.05 <= fit_temperature(torch.zeros(20, 10), torch.arange(20) % 10) <= 20


def test_wrong_logits_are_flattened_as_far_as_they_may() -> None:
    logits = 10 * torch.eye(10).roll(1, 0)
    assert fit_temperature(logits, torch.arange(10)) == pytest.approx(20, rel=1e-3)


def test_parts_give_what_the_whole_gives() -> None:
    logits, label = outputs(2.0)
    assert fit_temperature(torch.cat([logits] * 2), torch.cat([label] * 2)) == pytest.approx(
        fit_temperature(logits, label, lambda sums: 2 * sums), rel=1e-5
    )


def test_run_keeps_temperature_of_its_validation(finished: Train) -> None:
    finished("--trainer.max_epochs=1", "--trainer.callbacks=Temperature")
    saved = torch.load("checkpoints/version_0/best.ckpt", weights_only=True)
    assert saved["calibration"]["step"] == saved["global_step"] == 11
    assert 0.05 <= saved["calibration"]["temperature"] <= 20


def test_temperature_changes_no_weight(train: Train, finished: Train) -> None:
    finished("--trainer.max_epochs=1", "--trainer.callbacks=Temperature")
    train("--trainer.max_epochs=1")
    first, second = (
        torch.load(Path(f"checkpoints/version_{n}/model.pt"), weights_only=True) for n in (0, 1)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_temperature_is_of_all_batches_of_one_validation() -> None:
    logits, label = outputs(2.0)
    root = SimpleNamespace(root_device=torch.device("cpu"), reduce=lambda sums, reduce_op: sums)
    trainer = SimpleNamespace(sanity_checking=False, strategy=root, global_step=7)
    fitted = Temperature()
    for _ in range(2):  # the second time without what was seen before
        for part in (slice(0, 3000), slice(3000, None)):
            batch = Batch(torch.zeros(0), label[part])
            fitted.on_validation_batch_end(trainer, None, logits[part], batch, 0)
        fitted.on_validation_batch_end(trainer, None, None, batch, 0)  # no logits
        fitted.on_validation_epoch_end(trainer, None)
        assert not fitted._seen
    checkpoint = {}
    fitted.on_save_checkpoint(trainer, None, checkpoint)
    expected = {"temperature": fit_temperature(logits, label), "step": 7}
    assert checkpoint == {"calibration": expected}


def test_temperature_goes_from_checkpoint_to_checkpoint() -> None:
    loaded, saved = {"calibration": {"temperature": 1.5, "step": 3}}, {}
    fitted = Temperature()
    fitted.on_load_checkpoint(None, None, loaded)
    fitted.on_save_checkpoint(None, None, saved)
    assert saved == loaded
    fitted.on_load_checkpoint(None, None, {})  # of a run without it
    saved.clear()
    fitted.on_save_checkpoint(None, None, saved)
    assert saved == {}


def test_check_before_training_fits_no_temperature() -> None:
    fitted, trainer = Temperature(), SimpleNamespace(sanity_checking=True)
    logits, label = outputs(1.0)
    fitted.on_validation_batch_end(trainer, None, logits, Batch(torch.zeros(0), label), 0)
    fitted.on_validation_epoch_end(trainer, None)
    fitted.on_save_checkpoint(trainer, None, checkpoint := {})
    assert checkpoint == {}
