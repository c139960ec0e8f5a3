import ast
import copy
import re
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from operator import attrgetter
from pathlib import Path
from types import NoneType
from types import SimpleNamespace as Fake
from typing import Any
from unittest.mock import MagicMock, patch

import pytest
import torch
from lightning.fabric.utilities.distributed import DistributedSamplerWrapper
from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.cli import LightningArgumentParser
from lightning.pytorch.demos.boring_classes import BoringModel, RandomDataset
from lightning.pytorch.loggers import CSVLogger, MLFlowLogger, TensorBoardLogger, WandbLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from lightning.pytorch.profilers import Profiler
from lightning.pytorch.trainer.connectors.logger_connector.result import _ResultCollection
from lightning.pytorch.trainer.connectors.signal_connector import _SignalConnector
from lightning.pytorch.utilities import CombinedLoader
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import ChainedScheduler, ConstantLR, ExponentialLR, SequentialLR
from torch.utils.data import DataLoader, Sampler, SequentialSampler
from torchmetrics import MeanMetric

from src.engine import lightning_compat
from src.engine.console import jsonargparse_compat
from src.engine.exact import logged_compat
from src.engine.files.shape import misfit
from src.engine.lightning_compat import (
    LOOPS,
    batches_done,
    checkpoint_content,
    ends_in_epoch,
    epochs_done,
    flat_params,
    has_reached,
    log_interval,
    logged_values,
    logs_at,
    next_position,
    point_to_next_batch,
    read_through,
    saved_loaders,
    saved_position,
    schedules_inside,
    set_sampler_epoch,
    spawns,
    wrapped_sampler,
)
from tests.bare_trainer import bare_trainer

LOGGERS = "lightning.pytorch.loggers"
PINS = [  # what Lightning, torchmetrics, torch and jsonargparse do not promise: object, name, kind
    ("trainer", "callbacks", list),
    ("trainer", "_signal_connector", _SignalConnector),
    ("trainer._signal_connector", "_original_handlers", dict),
    ("trainer._signal_connector", "_get_current_signal_handlers", Callable),
    ("trainer", "datamodule", NoneType),
    ("trainer", "profiler", Profiler),
    ("trainer", "reload_dataloaders_every_n_epochs", int),
    ("trainer", "log_every_n_steps", int),
    ("trainer", "_results", dict | NoneType),
    ("trainer._checkpoint_connector", "_user_managed", bool),
    ("trainer._checkpoint_connector", "dump_checkpoint", Callable),
    ("trainer.fit_loop", "_can_stop_early", bool),
    ("trainer.fit_loop", "_combined_loader", CombinedLoader),
    ("trainer.fit_loop", "_last_train_dl_reload_epoch", int | float),
    ("trainer.fit_loop", "_restarting", bool),
    ("trainer.fit_loop._data_source", "dataloader", Callable),
    ("trainer.fit_loop.epoch_loop", "_results", _ResultCollection),
    ("trainer._logger_connector", "_first_loop_iter", bool | NoneType),
    ("logged", "_forward_cache", torch.Tensor),
    ("trainer.fit_loop.epoch_progress.current", "processed", int),
    ("trainer.fit_loop.epoch_loop", "_batches_that_stepped", int),
    ("trainer.fit_loop.epoch_loop.batch_progress", "is_last_batch", bool),
    ("trainer.fit_loop.epoch_loop.batch_progress.current", "ready", int),
    ("trainer.fit_loop.epoch_loop.batch_progress.current", "processed", int),
    ("trainer.fit_loop.epoch_loop.batch_progress.current", "completed", int),
    ("trainer.fit_loop.epoch_loop.batch_progress.total", "ready", int),
    ("trainer.fit_loop.epoch_loop.batch_progress.total", "completed", int),
    ("trainer.fit_loop.epoch_loop.val_loop._data_source", "dataloader", Callable),
    ("trainer.lightning_module", "_hparams_initial", dict),
    ("loader", "_mode", str),
    ("loader", "_flattened", list),
    ("loader._iterator", "_consumed", list),
    ("loader", "_state_dicts", Callable),
    ("loader", "_load_state_dicts", Callable),
    ("part", "_iterator", NoneType),
    ("sampler.dataset", "_sampler", Sampler),
    ("metric", "_update_count", int),
    ("metric", "_computed", NoneType | torch.Tensor),
    ("csv", "_version", NoneType),
    ("csv", "_experiment", NoneType),
    ("writer", "_check_log_dir_exists", Callable),
    ("writer", "metrics_keys", list),
    ("wandb", "_id", NoneType),
    ("wandb", "_wandb_init", dict),
    ("mlflow", "_run_id", NoneType),
    ("schedule", "_schedulers", list),
    ("board", "_version", NoneType),
    ("board", "_kwargs", dict),
    ("bar", "_should_update", Callable),
    ("best", "_save_checkpoint", Callable),
    ("parser", "_actions", list),
    ("parser", "_option_string_actions", dict),
    ("action", "_enable_path", bool),
]


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> Fake:
    """Objects of the libraries, after a training of one step."""
    folder, fake = tmp_path_factory.mktemp("compat"), MagicMock()
    trainer, metric = bare_trainer(max_steps=1, limit_val_batches=0), MeanMetric()
    model = BoringModel()
    model.save_hyperparameters({"width": 8})
    trainer.fit(model)
    metric.update(1.0)
    part = DataLoader(RandomDataset(8, 4))
    parser = LightningArgumentParser()
    parser.add_argument("--x", type=list[int])
    with patch.dict(sys.modules, wandb=fake, mlflow=fake, **{"mlflow.tracking": fake}):
        with patch(f"{LOGGERS}.wandb._WANDB_AVAILABLE", True):
            wandb = WandbLogger()
        with patch(f"{LOGGERS}.mlflow._MLFLOW_AVAILABLE", True):
            mlflow = MLFlowLogger()
    return Fake(
        **{"part": part, "loader": iter(CombinedLoader([part], "max_size_cycle"))},
        **{"wandb": wandb, "mlflow": mlflow},
        **{"trainer": trainer, "metric": metric, "parser": parser},
        **{"bar": TQDMProgressBar(), "best": ModelCheckpoint(), "csv": CSVLogger(folder)},
        **{"board": TensorBoardLogger(folder), "writer": ExperimentWriter(str(folder / "new"))},
        schedule=ChainedScheduler([ConstantLR(SGD(model.parameters(), lr=1.0))]),
        sampler=DistributedSamplerWrapper(SequentialSampler(range(4)), 2, 0),
        action=parser._option_string_actions["--x"],
        logged=logged_once(),
    )


def logged_once() -> Any:
    results = _ResultCollection(training=True)
    results.log("training_step", "x", torch.tensor(0.5), on_step=True)
    return results["training_step.x"]


@pytest.mark.parametrize(("where", "name", "kind"), PINS, ids=lambda part: str(part)[:60])
def test_private_part_is_still_there(seen: Fake, where: str, name: str, kind: Any) -> None:
    assert isinstance(getattr(attrgetter(where)(seen), name), kind)


def test_checkpoint_has_its_shape(seen: Fake) -> None:
    content = checkpoint_content(seen.trainer)
    assert not misfit(content, {"loops": LOOPS})
    assert saved_position(content) == (1, 1)
    assert (epochs_done(content), saved_loaders(content)) == (1, [])


def test_stopped_training_is_found_in_its_epoch(seen: Fake) -> None:
    assert next_position(seen.trainer) == (1, 1)
    assert (batches_done(seen.trainer), ends_in_epoch(seen.trainer)) == (1, True)
    assert not spawns(seen.trainer)
    assert spawns(bare_trainer(strategy="ddp_spawn", devices=2))


def test_metric_that_is_logged_is_given() -> None:
    class Logs(BoringModel):
        def __init__(self) -> None:
            super().__init__()
            self.mean = MeanMetric()

        def test_step(self, batch: Any, batch_idx: int) -> None:
            self.mean.update(1.0)
            self.log("x", self.mean)

        def on_test_end(self) -> None:
            ((self.name, self.value),) = logged_values(self.trainer)

    model = Logs()
    bare_trainer(limit_test_batches=1).test(model, verbose=False)
    assert model.name == "x"
    assert model.value is model.mean


@pytest.mark.parametrize(("steps", "interval"), [(0, 1), (1, 1), (50, 50)])
def test_run_without_curves_is_looked_at_each_step(steps: int, interval: int) -> None:
    trainer = Fake(log_every_n_steps=steps)
    assert log_interval(trainer) == interval
    assert [logs_at(trainer, step) for step in (49, 100)] == [steps == 1, steps > 0]


def test_other_loaders_are_read_than_are_shown() -> None:
    loader = CombinedLoader([[1, 2]], "max_size_cycle")
    assert next(read_through(loader, [[3, 4]])) == ([3], 0, 0)
    assert loader.flattened == [[1, 2]]


def test_sampler_of_each_process_is_the_users(seen: Fake) -> None:
    epochs = []
    sampler = wrapped_sampler(seen.sampler)
    assert type(sampler) is SequentialSampler
    set_sampler_epoch(Fake(sampler=Fake(set_epoch=epochs.append)), 3)
    assert epochs == [3]


def test_parameters_are_flat_as_lightning_logs_them() -> None:
    assert flat_params(Namespace(model={"width": 8})) == {"model/width": 8}


def progress(ready: int, started: int, processed: int, completed: int) -> dict[str, int]:
    return {"ready": ready, "started": started, "processed": processed, "completed": completed}


def fit_loop(batch: tuple, epoch: tuple, is_last_batch: bool = False) -> dict:
    batches = {"current": progress(*batch), "total": progress(*batch)}
    return {
        "epoch_loop.batch_progress": {**batches, "is_last_batch": is_last_batch},
        "epoch_progress": {"current": progress(*epoch), "total": progress(*epoch)},
    }


def trainer_at(epoch: int, batch: int, last: bool = False) -> Fake:
    progress = Fake(current=Fake(ready=batch, processed=batch, completed=batch), is_last_batch=last)
    epochs = Fake(current=Fake(ready=epoch + 1, processed=epoch))
    return Fake(fit_loop=Fake(epoch_loop=Fake(batch_progress=progress), epoch_progress=epochs))


@pytest.mark.parametrize(
    ("batch", "epoch", "last", "expected_batch", "expected_epoch"),
    [
        # At the start of the fourth batch of the third epoch: inside it.
        ((4, 3, 3, 3), (3, 3, 2, 2), False, (4, 3, 3, 3), (3, 3, 2, 2)),
        # At the start of its last batch: that is still to come.
        ((4, 3, 3, 3), (3, 3, 2, 2), True, (4, 3, 3, 3), (3, 3, 2, 2)),
        # At the start of its first batch: the epoch has yet to begin.
        ((1, 0, 0, 0), (3, 3, 2, 2), False, (1, 0, 0, 0), (2, 2, 2, 2)),
        # When training has ended with an epoch.
        ((9, 9, 9, 9), (3, 3, 3, 3), True, (1, 0, 0, 0), (3, 3, 3, 3)),
        # When training ends inside an epoch, which Lightning counts as processed.
        ((4, 4, 4, 4), (3, 3, 3, 2), False, (5, 4, 4, 4), (3, 3, 2, 2)),
    ],
)
def test_saved_progress_points_to_the_next_batch(
    batch: tuple, epoch: tuple, last: bool, expected_batch: tuple, expected_epoch: tuple
) -> None:
    state = fit_loop(batch, epoch, last)
    assert point_to_next_batch({"loops": {"fit_loop": state}})
    assert state["epoch_loop.batch_progress"]["current"] == progress(*expected_batch)
    assert state["epoch_loop.batch_progress"]["is_last_batch"] is False
    assert state["epoch_progress"]["current"] == progress(*expected_epoch)
    again = copy.deepcopy(state)
    assert point_to_next_batch({"loops": {"fit_loop": again}})
    assert again == state


@pytest.mark.parametrize(
    ("batch", "epoch", "last"),
    [
        ((4, 4, 4, 3), (3, 3, 2, 2), False),  # at the end of a batch
        ((9, 9, 9, 9), (3, 3, 2, 2), True),  # in the validation after an epoch
        ((9, 9, 9, 9), (3, 3, 3, 2), True),  # at the end of an epoch
    ],
)
def test_progress_inside_a_batch_is_left_alone(batch: tuple, epoch: tuple, last: bool) -> None:
    state = fit_loop(batch, epoch, last)
    before = copy.deepcopy(state)
    assert not point_to_next_batch({"loops": {"fit_loop": state}})
    assert state == before


def test_total_progress_points_to_the_next_batch() -> None:
    state = fit_loop((4, 3, 3, 3), (3, 3, 2, 2))
    state["epoch_loop.batch_progress"]["total"] = progress(22, 21, 21, 21)
    assert point_to_next_batch({"loops": {"fit_loop": state}})
    assert state["epoch_loop.batch_progress"]["total"] == progress(22, 21, 21, 21)
    assert state["epoch_progress"]["total"] == progress(3, 3, 2, 2)


@pytest.mark.parametrize(
    ("ready", "last", "cut"),
    [(4, False, True), (8, False, True), (9, False, False), (4, True, False)],
)
def test_last_batch_ends_no_epoch_early(ready: int, last: bool, cut: bool) -> None:
    batches = Fake(current=Fake(ready=ready), is_last_batch=last)
    loop = Fake(epoch_loop=Fake(batch_progress=batches))
    assert ends_in_epoch(Fake(fit_loop=loop, num_training_batches=9)) is cut


def test_position_after_the_last_batch_is_the_next_epoch() -> None:
    assert next_position(trainer_at(1, 6)) == (1, 6)
    assert next_position(trainer_at(1, 6, last=True)) == (2, 0)


@pytest.mark.parametrize(("processed", "completed"), [(4, 3), (3, 4)])
def test_batch_that_was_processed_is_not_read_again(processed: int, completed: int) -> None:
    trainer = trainer_at(1, 0)
    trainer.fit_loop.epoch_loop.batch_progress.current = Fake(
        ready=4, processed=processed, completed=completed
    )
    assert next_position(trainer) == (1, 4)


def test_training_has_reached_what_has_no_more_batches_and_epochs(seen: Fake) -> None:
    content = checkpoint_content(seen.trainer)
    assert has_reached(seen.trainer, content)
    for part, kind in (("epoch_loop.batch_progress", "total"), ("epoch_progress", "current")):
        later = copy.deepcopy(content)
        later["loops"]["fit_loop"][part][kind]["completed"] += 1
        assert not has_reached(seen.trainer, later)


def test_batch_that_is_under_way_is_read_again() -> None:
    trainer = trainer_at(1, 6)
    progress = trainer.fit_loop.epoch_loop.batch_progress
    progress.is_last_batch = True
    progress.current = Fake(ready=6, processed=5, completed=5)
    assert next_position(trainer) == (1, 5)


ROOT = Path(__file__).parents[2]
SOURCES = sorted(str(file.relative_to(ROOT)) for file in (ROOT / "src").rglob("*.py"))
COMPAT = {
    "src/engine/lightning_compat.py",
    "src/engine/console/jsonargparse_compat.py",
    "src/engine/exact/logged_compat.py",
    "src/engine/exact/signals_compat.py",
    "src/search/optuna_compat.py",
}
PROMISED = {"_replace", "_asdict", "_exit"}  # of named tuples and of `os`, in spite of their names
OVERRIDES = {  # of private methods of Lightning's classes, by the file of the class that has them
    "src/engine/checkpoints/best_checkpoint.py": {"_save_checkpoint"},
    "src/engine/console/progress.py": {"_should_update"},
    "src/engine/exact/exact_dataloader.py": {"_state_dicts", "_load_state_dicts"},
    "src/engine/lightning_compat.py": {"_check_log_dir_exists"},
}
PRIVATE = re.compile(r"_[a-zA-Z]\w*")


def own(tree: ast.AST) -> Iterator[str]:
    """Name what a file makes itself: functions, classes, variables, attributes of self."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            overrides = {ast.unparse(each) for each in node.decorator_list} >= {"override"}
            yield "" if overrides else node.name
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            if isinstance(node, ast.Name):
                yield node.id
            elif ast.unparse(node.value) in ("self", "cls"):
                yield node.attr


def private_parts(source: str) -> set[str]:
    """Name what a source takes of others that is private: attributes, imports, overrides."""
    tree = ast.parse(source)
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            module = getattr(node, "module", None) or ""
            found |= {part for each in node.names for part in f"{module}.{each.name}".split(".")}
        elif isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "hasattr"):
            found |= {each.value for each in node.args if isinstance(each, ast.Constant)}
    private = {name for name in found if isinstance(name, str) and PRIVATE.fullmatch(name)}
    return private - set(own(tree)) - PROMISED


@pytest.mark.parametrize("file", [file for file in SOURCES if file not in COMPAT])
def test_private_parts_are_touched_in_one_place(file: str) -> None:
    source = (ROOT / file).read_text()
    assert private_parts(source) == OVERRIDES.get(file, set())
    assert "type: ignore[attr-defined]" not in source


@pytest.mark.parametrize(
    "source",
    [
        "self._bar.close()",
        "trainer._results",
        "from torch._utils import x",
        "import jsonargparse._common",
        "from jsonargparse import _common",
        "getattr(loop, '_restarting', None)",
        "class A(B):\n    @override\n    def _save(self): ...",
    ],
)
def test_private_part_is_found(source: str) -> None:
    assert private_parts(source)


@pytest.mark.parametrize(
    "source",
    ["self._x = 1; self._x", "def _f(): ...\n_f()", "a.__dict__", "getattr(a, 'x')", "os._exit(0)"],
)
def test_own_part_is_not(source: str) -> None:
    assert not private_parts(source)


@pytest.mark.parametrize("file", sorted({*COMPAT, *OVERRIDES} - {"src/search/optuna_compat.py"}))
def test_every_private_part_is_pinned(file: str) -> None:
    compat = lightning_compat, jsonargparse_compat, logged_compat
    imported = {name for module in compat for name in vars(module)}
    pinned = {part for where, name, _ in PINS for part in [*where.split("."), name]}
    assert private_parts((ROOT / file).read_text()) <= pinned | imported


@pytest.mark.parametrize("kind", [SequentialLR, ChainedScheduler])
def test_schedules_inside_another_are_found(kind: type) -> None:
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    parts = [ConstantLR(optimizer), ExponentialLR(optimizer, 0.9)]
    both = kind(optimizer, parts, [1]) if kind is SequentialLR else kind(parts)
    assert schedules_inside(both) == parts
    assert schedules_inside(parts[0]) == []
