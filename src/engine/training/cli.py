"""The command line of a training: LightningCLI joined to run folders, checkpoints and resuming."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from jsonargparse import Namespace
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities.model_helpers import is_overridden
from typing_extensions import override

from src.engine.checkpoints.best_checkpoint import BestCheckpoint
from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.engine.checkpoints.last_checkpoint import LastCheckpoint
from src.engine.checkpoints.on_all_machines import on_all_machines
from src.engine.checkpoints.published import first_words, link
from src.engine.checkpoints.trusted import Trusted, settle
from src.engine.checkpoints.weights import load_weights
from src.engine.console.command_line import TAKEN_OUT, split_arguments
from src.engine.console.failure import UsageError, interrupts
from src.engine.console.note import note
from src.engine.console.parser import OneLineParser
from src.engine.exact.exact import make_exact
from src.engine.exact.resume import Resumed, find_run
from src.engine.exact.safe_point import Action
from src.engine.files.run import LOGS, Run
from src.engine.lightning_compat import callbacks_of, ignore_cluster_checkpoints
from src.engine.records.heartbeat import Heartbeat
from src.engine.records.known_metrics import KnownMetrics
from src.engine.records.ledger import refuse_unwritable
from src.engine.records.masked_settings import refuse_masked
from src.engine.records.run_logger import RunLogger, continue_loggers
from src.engine.records.save_config import SaveConfig, dump, dump_default
from src.engine.seed import chosen_seed
from src.engine.training.callbacks import add_callbacks, arrange, early_end
from src.engine.training.drop_unused_work import drop_unused_work
from src.engine.training.environment import environment, refuse_other_number
from src.engine.training.target import Target, parse_target

_NO_METRIC = "no metric says which state is best (--best.monitor would)"
_LATER = "empty parameter list", "uninitialized"  # what torch says of layers that are to come
_LEAST = {  # smaller values do nothing, or fail where nobody would look for them
    **dict.fromkeys(("accumulate_grad_batches", "check_val_every_n_epoch"), 1),
    **dict.fromkeys(("gradient_clip_val", "log_every_n_steps"), 0),
    "num_sanity_val_steps": -1,
}
_DONE = {True: "tested", False: "kept"}


class TrainCLI(LightningCLI):
    """Turn a command into data, task and trainer, with folders for the run.

    Args:
        default_config: Configuration of a new run for which none is given.
        args: Words of the command.
        *observers: Callbacks that every run has.
        repeated: Configuration of a checkpoint that a new run repeats, or None.
        actions: What else is done between two batches.

    Attributes:
        resumed: Run that continues, or None.
        run: Folders of the run; None if nothing shall be written.
        heartbeat: Counts the seconds of the run; None if nothing shall be written.
        target: Ends the training at a value of a metric; None if the command names none.
        ended_early: Why callbacks have ended it; empty if none has.
    """

    def __init__(
        self,
        default_config: Path,
        args: list[str],
        *observers: Callback,
        repeated: Trusted | None = None,
        actions: Sequence[Action] = (),
    ) -> None:
        self.resumed: Resumed | None = None
        self._trusted = repeated  # configuration of a checkpoint, if there is one
        self._actions = actions
        self._chosen: list[Any] = []
        self.run: Run | None = None
        self._default_config = default_config
        self._weights: str | None = None
        self._group: str | None = None
        self._like_default = True
        self.heartbeat: Heartbeat | None = None
        self.target: Target | None = None
        self.ended_early = ""
        super().__init__(
            LightningModule,
            None,  # any data module, or none: a module may bring its own loaders
            save_config_callback=None,  # SaveConfig does more
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
    def best(self) -> BestCheckpoint:
        """Callback that keeps the state with the best validation accuracy."""
        return cast(BestCheckpoint, self.config_init["best"])

    @property
    def last(self) -> LastCheckpoint:
        """Callback that keeps the latest state."""
        return cast(LastCheckpoint, self.config_init["last"])

    @override
    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument(
            "--target",
            type=str | None,
            help="End of training, such as `val/loss=0.1`, or `val/loss<=0.1` if it is not known "
            "which value is best.",
        )
        parser.add_argument(
            "--test", type=bool, default=True, help="Whether to test the best state at the end."
        )
        for name, what in TAKEN_OUT.items():
            parser.add_argument(f"--{name}", help=what)
        parser.add_argument("--debug", action="store_true", help="Show the traceback of a failure.")
        parser.add_lightning_class_args(BestCheckpoint, "best")
        parser.add_lightning_class_args(LastCheckpoint, "last")

    @override
    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        words = split_arguments(cast(list[str], args))
        self._weights, self._group = words.weights, words.group
        if words.ckpt_path is not None:
            self.resumed = Resumed.find(words.ckpt_path, Path(words.root), words.rest)
            self._trusted = self.resumed.trusted
        if self._trusted:
            self._like_default = link(parser, self._trusted.content, words.rest)
            self.config = self._trusted.parse(parser, words.rest)
        else:  # a configuration is whole: never a mixture with the default one
            settings, first = first_words(words, self._default_config)
            self._like_default = link(parser, settings, words.rest)
            self.config = parser.parse_args([*first, *words.rest])
        self.config.pop("debug")
        refuse_masked(self.config.as_dict())
        for name in TAKEN_OUT:
            if self.config.pop(name):
                raise ValueError(f"--{name} belongs on the command line, not in a configuration")
        _refuse_settings(self.config["trainer"])
        if self.config["target"]:
            parse_target(self.config["target"])
        self.config["seed_everything"] = chosen_seed(self.config["seed_everything"])
        if self.resumed:
            self.resumed.change(dump(self.parser, self.config))

    @override
    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        settings = self.config_init["trainer"]
        if settings["fast_dev_run"]:
            trainer = self._make_trainer(**kwargs)
            self._arrange(trainer)  # it writes nothing
            return trainer
        if settings["enable_checkpointing"] is False:
            self.parser.callback_keys.clear()  # Lightning refuses both together
        own_logger = settings["logger"] in (None, True)
        if own_logger:
            kwargs["logger"] = False  # until the run has a folder
        trainer = self._make_trainer(**kwargs)
        _fill_open(self.config, self.datamodule)
        _refuse_impossible(self.model)
        weights = load_weights(self.model, self._weights) if self._weights else ""
        if self.resumed:
            self.resumed.check(trainer, self.model)
        self.run = find_run(self.resumed, trainer)
        step = self.resumed.step if self.resumed else None
        if own_logger:
            trainer.logger = RunLogger(
                self.run.root, LOGS, self.run.version, default_hp_metric=False, purge_step=step
            )
        if settings["enable_checkpointing"] is not False:
            self.last.folder = self.run.checkpoint_dir
            self.best.dirpath = str(self.run.checkpoint_dir)
        record = SaveConfig(dump(self.parser, self.config), self.run.log_dir, weights, self._group)
        record.leave_out(*filter(None, (self.model, self.datamodule)))
        settle(self._trusted, record.config, self.run, trainer)
        self._write_down(trainer, record, self.run)
        continue_loggers(trainer, self.run, step)
        return trainer

    def _write_down(self, trainer: Trainer, record: SaveConfig, run: Run) -> None:
        default = self._default_config if self._like_default else None
        record.default = dump_default(self.parser, default)
        record.known = self.known
        self.heartbeat = Heartbeat(run.log_dir)
        if text := self.config["target"]:
            self.target = Target(text, self.heartbeat, self.known)
        if self.resumed:
            record.sessions = self.resumed.checkpoint["provenance"]
            record.changes = self.resumed.changes
        self._arrange(trainer, record, self.heartbeat, self.target)

    def _arrange(self, trainer: Trainer, *writing: Callback | None) -> None:
        parts = self.best, self.last, self.known
        changes = self.resumed.changes if self.resumed else ()
        arrange(trainer, *parts, writing, self._actions, self._chosen, changes)

    def fit(self) -> None:
        """Train, from the start or from the checkpoint."""
        self._refuse_uncounted()  # better now than after hours of training
        drop_unused_work(self.trainer)
        try:
            self._run_trainer(self.trainer.fit, self.resumed.path if self.resumed else None)
            self.ended_early = early_end(self.trainer)  # the best state may be of before that
        except Exception as error:
            self.known.refuse_missed(self.trainer, error)
            if isinstance(error, ValueError) and "val_check_interval" in str(error):
                raise UsageError(str(error)) from error  # it is above the batches of an epoch
            raise

    def test(self) -> None:
        """Test the best state, which the model then holds; without one, the state it has."""
        best = self.best.best_model_path or None
        tested = self._is_tested()
        if self.run and not best and self.best in callbacks_of(self.trainer):
            why = "nothing was validated" if self.best.monitor else _NO_METRIC
            note(f"{why}: the last state is {_DONE[tested]}")
        if tested:
            self._refuse_uncounted()
            self._run_trainer(self.trainer.test, best, verbose=False)
        elif best:
            with on_all_machines(Path(best)) as file:
                self.model.load_state_dict(read_checkpoint(file)["state_dict"])

    def _is_tested(self) -> bool:
        return bool(self.config.test) and _can_test(self.model, self.datamodule)

    def _refuse_uncounted(self) -> None:
        if self.run and self.trainer.is_global_zero and self._is_tested():
            refuse_unwritable(self.run.root)

    def _run_trainer(self, part: Any, ckpt_path: Path | str | None, **options: Any) -> None:
        self.trainer.ckpt_path = None  # else the state that was continued is tested
        ignore_cluster_checkpoints(self.trainer, ckpt_path)
        with interrupts():
            part(self.model, self.datamodule, ckpt_path=ckpt_path, weights_only=True, **options)

    def _make_trainer(self, **kwargs: Any) -> Trainer:
        if self._trusted:
            self._trusted.limit(self.datamodule)
        chosen = self.config_init["trainer"]["callbacks"]  # to which Lightning adds its own
        self._chosen = [*chosen] if isinstance(chosen, list) else [chosen]
        kwargs["plugins"] = environment(self.config_init["trainer"])
        trainer = super().instantiate_trainer(**kwargs)
        refuse_other_number(trainer)
        self._chosen += add_callbacks(trainer, self.model)
        self.known = KnownMetrics(self.model)
        self.best.choose(self.known)
        make_exact(trainer)
        self.known.compare(trainer)
        return trainer


def _refuse_settings(settings: Namespace) -> None:
    if settings["barebones"]:
        raise ValueError(
            "--trainer.barebones true forbids checkpoints, curves and metrics, which a run leaves: "
            "leave it out, or take --trainer.fast_dev_run true, which writes nothing"
        )
    for name, least in _LEAST.items():
        if (value := settings[name]) is not None and value < least:
            raise ValueError(f"--trainer.{name} must be at least {least}, got {value}")


def _can_test(module: LightningModule, data: LightningDataModule | None) -> bool:
    """Tell whether a module has a test step, and it or its data set loaders for that."""
    loaders = any(is_overridden("test_dataloader", owner) for owner in (module, data) if owner)
    return loaders and is_overridden("test_step", module)


def _fill_open(config: Namespace, data: LightningDataModule | None) -> None:
    """Write down the lists that a data set says it has found for settings that were left open."""
    for name in getattr(data, "found_settings", ()):
        if config.data.init_args[name] is None:
            config.data.init_args[name] = [*getattr(data, name)]


def _refuse_impossible(model: LightningModule) -> None:
    """Refuse settings of which no optimizer can be made."""
    try:
        model.configure_optimizers()
    except (TypeError, ValueError) as error:
        if not any(sign in str(error) for sign in _LATER):
            raise
    except Exception:  # of a task that asks for its trainer, or for layers that are made later
        return
