"""The command line of a training: LightningCLI joined to run folders, checkpoints and resuming."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import TQDMProgressBar
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies.launchers import _MultiProcessingLauncher
from typing_extensions import override

from src.experiment.checkpoint import RunCheckpoint, load_checkpoint, refuse_finished
from src.experiment.config_file import flat, read_config
from src.experiment.parser import OneLineParser
from src.experiment.progress import ProgressBar
from src.experiment.record import RecordConfig
from src.experiment.run import LOGS, Run
from src.experiment.run_logger import RunLogger
from src.experiment.words import LINKS, refuse_linked, refuse_other_experiment, take_apart


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
            "--ckpt_path", help="Checkpoint whose run shall continue, in its own folders."
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
        for published, wanted in LINKS:
            parser.link_arguments(published, wanted, apply_on="instantiate")

    @override
    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        words = cast(list[str], args)
        config, self.ckpt_path, rest = take_apart(words)
        if self.ckpt_path is not None:
            refuse_other_experiment(words)
            self._checkpoint = load_checkpoint(Path(self.ckpt_path))
            config = self._checkpoint["config"]
        else:  # a configuration is whole: never a mixture with the default one
            config = config or str(self._default_config)
            settings = read_config(Path(config), self._default_config.parent)
            refuse_linked([*rest, *dict(flat(settings))])
        self.config = parser.parse_args(["--config", config, *rest])
        self.config.pop("debug")
        if self.config.pop("ckpt_path"):
            raise ValueError("--ckpt_path belongs on the command line, not in a configuration")
        if self.ckpt_path is not None and self._is_tested(Path(self.ckpt_path)):
            trainer = self.config["trainer"]
            refuse_finished(self._checkpoint, trainer["max_epochs"], trainer["max_steps"])

    @override
    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        settings = self.config_init["trainer"]
        if settings["fast_dev_run"]:
            return self._make_trainer(**kwargs)  # it writes nothing
        if settings["enable_checkpointing"] is False:
            self.parser.callback_keys.clear()  # Lightning refuses both together
        own_logger = settings["logger"] in (None, True)
        if own_logger:
            kwargs["logger"] = False  # until the run has a folder
        trainer = self._make_trainer(**kwargs)
        with suppress(RuntimeError):  # of a task that asks for its trainer, which it has not yet
            self.model.configure_optimizers()  # refuses impossible settings before a run begins
        self.run = self._find_run(trainer)
        text = self.parser.dump(self.config, skip_none=False)
        trainer.callbacks.append(RecordConfig(text, self.run.log_dir))  # type: ignore[attr-defined]
        for callback in (self.best, self.last):
            callback.dirpath = callback.dirpath or str(self.run.checkpoint_dir)
        if own_logger:
            trainer.logger = RunLogger(
                self.run.root,
                LOGS,
                self.run.version,
                default_hp_metric=False,
                purge_step=self._checkpoint.get("global_step"),
            )
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger) and logger._version is None:
                logger._version = self.run.version  # the user's logger counts as the run does
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

    def _make_trainer(self, **kwargs: Any) -> Trainer:
        chosen = self.config_init["trainer"]["callbacks"]
        chosen = [*chosen] if isinstance(chosen, list) else [chosen]  # Lightning adds to its own
        trainer = super().instantiate_trainer(**kwargs)
        if isinstance(trainer.strategy.launcher, _MultiProcessingLauncher):
            raise ValueError(
                "spawned processes cannot tell what they did: use --trainer.strategy ddp"
            )
        for number, callback in enumerate(trainer.callbacks):  # type: ignore[attr-defined]
            if type(callback) is TQDMProgressBar and callback not in chosen:
                trainer.callbacks[number] = ProgressBar()  # type: ignore[attr-defined]
        return trainer

    def _is_tested(self, ckpt_path: Path) -> bool:
        run = Run.of_checkpoint(ckpt_path)
        return run is None or run.tested_step >= self._checkpoint["global_step"]

    def _find_run(self, trainer: Trainer) -> Run:
        if self.ckpt_path and (run := Run.of_checkpoint(Path(self.ckpt_path))):
            run.refuse_read_only()
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
