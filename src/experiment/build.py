"""What a configuration describes, made without a Trainer."""

from argparse import ArgumentError

from lightning.pytorch import LightningDataModule, LightningModule

from src.experiment.explain import explain
from src.experiment.parser import OneLineParser
from src.experiment.trusted import Trusted
from src.experiment.words import LINKS

_LONGEST = 300  # characters of a reason


def build(config: Trusted) -> tuple[LightningModule, LightningDataModule]:
    """Make the task and the data set that a configuration describes, without a Trainer.

    Args:
        config: Configuration of a checkpoint.

    Returns:
        Both; the task has its first weights.

    Raises:
        ValueError: The configuration does not fit the classes of this code.
    """
    parser = OneLineParser(exit_on_error=False)
    parser.add_lightning_class_args(LightningModule, "model", subclass_mode=True)
    parser.add_lightning_class_args(LightningDataModule, "data", subclass_mode=True)
    for published, wanted in LINKS:
        parser.link_arguments(published, wanted, apply_on="instantiate")
    try:
        parsed = config.parse(parser, only=("model", "data"))
    except ArgumentError as error:
        reason = explain(str(error))[:_LONGEST]
        raise ValueError(f"the checkpoint is of other code than this: {reason}") from error
    made = parser.instantiate_classes(parsed)
    return made.model, made.data
