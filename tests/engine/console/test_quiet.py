import logging
import warnings
from contextlib import suppress

import pytest

from src.engine.console.quiet import quiet, silence_known_noise


def test_known_noise_is_silent_and_the_rest_is_not(caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        silence_known_noise()
        warnings.warn("The 'train_dataloader' does not have many workers", stacklevel=1)
        warnings.warn_explicit("odd tag", UserWarning, "x.py", 1, module="PIL.TiffImagePlugin")
        warnings.warn("the loss is strange", stacklevel=1)
    assert [str(warning.message) for warning in seen] == ["the loss is strange"]


def test_advertisements_are_silent_and_facts_are_not(caplog: pytest.LogCaptureFixture) -> None:
    silence_known_noise()
    logger = logging.getLogger("lightning.pytorch.utilities.rank_zero")
    with caplog.at_level(logging.INFO, logger.name):
        logger.info("Tip: buy our cloud")
        logger.info("Running in `fast_dev_run` mode")
    assert caplog.messages == ["Running in `fast_dev_run` mode"]


@pytest.mark.parametrize("name", ["lightning.pytorch", "lightning.fabric"])
def test_each_advertisement_of_lightning_is_silent(name: str, caplog) -> None:
    silence_known_noise()
    logger = logging.getLogger(f"{name}.utilities.rank_zero")
    noise = "TPU available: 0", "`Trainer.fit` stopped: `max_epochs=1` reached", "Restored all"
    with caplog.at_level(logging.INFO, logger.name):
        for text in (*noise, "Loaded model weights", "a fact"):
            logger.info(text)
    assert caplog.messages == ["a fact"]
    assert logging.getLogger("tensorboard").level == logging.ERROR


def test_trainer_is_quiet_for_a_while() -> None:
    logger = logging.getLogger("lightning.pytorch")
    before = logger.level
    with suppress(ValueError), quiet():
        assert logger.level == logging.WARNING
        raise ValueError
    assert logger.level == before
