"""The command line of a training: LightningCLI joined to run folders, checkpoints and resuming."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import TensorBoardLogger
from typing_extensions import override

from src.experiment.checkpoint import RunCheckpoint, load_checkpoint, refuse_finished
from src.experiment.config_file import refuse_unreadable
from src.experiment.parser import OneLineParser
from src.experiment.record import RecordConfig
from src.experiment.run import LOGS, Run

_MOVABLE = ("--data.data_dir", "--data.num_workers")  # change nothing that is learned


class TrainCLI(LightningCLI):
    """Turn a command into data, task and trainer, with folders for the run.

    Args:
        default_config: Configuration of a new run for which none is given.
        args: Words of the command.
        *observers: Callbacks that every run has.

    Attributes:
        ckpt_path: Checkpoint that the run continues, or None.
        run: Folders of the run; None if nothing shall be written.
    """

    def __init__(self, default_config: Path, args: list[str], *observers: Callback) -> None:
        self.ckpt_path: str | None = None
        self.run: Run | None = None
        self._default_config = default_config
        self._checkpoint: dict[str, Any] = {}
        super().__init__(
            LightningModule,
            LightningDataModule,
            save_config_callback=None,  # RecordConfig does more
            parser_class=OneLineParser,
            parser_kwargs={"prog": "python -m src.train"},
            subclass_mode_model=True,
            subclass_mode_data=True,
            trainer_defaults={"callbacks": list(observers)},
            args=args,
            run=False,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,  # a checkpoint has the whole configuration
        )

    @property
    def best(self) -> RunCheckpoint:
        """Callback that keeps the state with the best validation accuracy."""
        return cast(RunCheckpoint, self.config_init["best"])

    @property
    def last(self) -> RunCheckpoint:
        """Callback that keeps the state after the last whole epoch."""
        return cast(RunCheckpoint, self.config_init["last"])

    @override
    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument(
            "--ckpt_path", help="Checkpoint whose run shall go on, in its own folders."
        )
        parser.add_argument("--debug", action="store_true", help="Show the traceback of a failure.")
        parser.add_lightning_class_args(RunCheckpoint, "best")
        parser.add_lightning_class_args(RunCheckpoint, "last")
        parser.set_defaults(
            {
                "best.monitor": "val/acc",
                "best.mode": "max",
                "best.filename": "best",
                "best.enable_version_counter": False,
                "last.filename": "last",
                "last.enable_version_counter": False,
                "last.save_on_train_epoch_end": True,
            }
        )
        for published, wanted in [
            ("num_classes", "num_classes"),
            ("num_classes", "network.init_args.num_classes"),
            ("image_shape", "network.init_args.image_shape"),
        ]:
            parser.link_arguments(
                f"data.{published}", f"model.init_args.{wanted}", apply_on="instantiate"
            )

    @override
    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        words = cast(list[str], args)
        sniffer = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        sniffer.add_argument("-c", "--config")
        sniffer.add_argument("--ckpt_path")
        given = sniffer.parse_known_args(words)[0]
        if given.ckpt_path:
            _refuse_other_experiment(words)
            self._checkpoint = load_checkpoint(Path(given.ckpt_path))
            words = ["--config", self._checkpoint["config"], *words]
        elif given.config:
            refuse_unreadable(Path(given.config), self._default_config.parent)
        else:  # a configuration is whole: never a mixture with the default one
            words = ["--config", str(self._default_config), *words]
        self.config = parser.parse_args(words)
        self.config.pop("debug")
        self.ckpt_path = self.config.pop("ckpt_path")
        if self._checkpoint:
            trainer = self.config["trainer"]
            refuse_finished(self._checkpoint, trainer["max_epochs"], trainer["max_steps"])
        elif self.ckpt_path:
            raise ValueError("--ckpt_path belongs on the command line, not in a configuration")

    @override
    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        if self.config_init["trainer"]["fast_dev_run"]:
            return super().instantiate_trainer(**kwargs)  # it writes nothing
        logger = self.config_init["trainer"]["logger"]
        if self.config_init["trainer"]["enable_checkpointing"] is False:
            self.parser.callback_keys.clear()  # Lightning refuses both together
        if logger in (None, True):
            kwargs["logger"] = False  # until the run has a folder
        trainer = super().instantiate_trainer(**kwargs)
        with suppress(RuntimeError):  # of a task that asks for its trainer, which it has not yet
            self.model.configure_optimizers()  # refuses impossible settings before a run begins
        self.run = self._find_run(trainer)
        text = self.parser.dump(self.config, skip_none=False)
        trainer.callbacks.append(RecordConfig(text, self.run.log_dir))  # type: ignore[attr-defined]
        for callback in (self.best, self.last):
            callback.dirpath = callback.dirpath or str(self.run.checkpoint_dir)
        if logger in (None, True):
            trainer.logger = TensorBoardLogger(
                self.run.root,
                LOGS,
                self.run.version,
                default_hp_metric=False,
                purge_step=self._checkpoint.get("global_step"),
            )
        return trainer

    def fit(self) -> None:
        """Train, from the start or from the checkpoint."""
        with _interrupts():
            self.trainer.fit(
                self.model, self.datamodule, ckpt_path=self.ckpt_path, weights_only=True
            )

    def test(self) -> None:
        """Test the best state, which the model then holds; without one, the state it has."""
        best = self.best.best_model_path or None
        with _interrupts():
            self.trainer.test(
                self.model, self.datamodule, ckpt_path=best, weights_only=True, verbose=False
            )

    def _find_run(self, trainer: Trainer) -> Run:
        if self.ckpt_path and (run := Run.of_checkpoint(Path(self.ckpt_path))):
            return run
        root = Path(trainer.default_root_dir).resolve()
        # Rank 0 writes, and tells the others where the checkpoints are.
        return Run.new(root) if trainer.is_global_zero else Run(root, 0)


@contextmanager
def _interrupts() -> Iterator[None]:
    """Pass Ctrl-C on; Lightning makes it an exit like any other failure."""
    try:
        yield
    except SystemExit as stop:
        if stop.code == 1:
            raise KeyboardInterrupt from stop
        raise


def _refuse_other_experiment(words: list[str]) -> None:
    for word in words:
        name = word.split("=")[0]
        if name in ("-c", "--config") or (
            name.startswith(("--model", "--data", "--seed_everything")) and name not in _MOVABLE
        ):
            raise ValueError(
                f"{name} cannot change in the middle of a run: with --ckpt_path give only "
                f"--trainer options, {' or '.join(_MOVABLE)}"
            )
