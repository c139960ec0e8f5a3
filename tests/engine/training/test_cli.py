from pathlib import Path
from types import SimpleNamespace as Fake
from unittest.mock import Mock

import pytest
import torch
from jsonargparse import Namespace
from lightning.pytorch import Callback, LightningDataModule, LightningModule
from lightning.pytorch.callbacks import TQDMProgressBar
from torch import nn

from src.engine.console.progress import ProgressLines
from src.engine.training.cli import TrainCLI, _can_test, _fill_open, _refuse_impossible
from src.tasks import ClassificationTask
from src.train import DEFAULT
from tests.conftest import Train
from tests.engine.checkpoints.test_weights import Late
from tests.test_train import refusal_of
from tests.trials.classifier import Classifier, ClassifierData, OwnLoaders
from tests.trials.gan import GAN

SMALL = [
    "--data=tests.tiny_mnist.TinyMNIST",
    "--trainer.logger=false",
]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["train"])


def test_command_line_reaches_every_part() -> None:
    cli = TrainCLI(
        DEFAULT,
        [*SMALL, "--data.batch_size=7", "--model.network.width=4", "--model.optimizer.lr=0.25"],
    )
    assert cli.datamodule.batch_size == 7
    assert cli.model.network.conv1.out_channels == 4
    assert cli.model.configure_optimizers()["optimizer"].defaults["lr"] == 0.25


def test_config_file_is_whole() -> None:
    cli = TrainCLI(DEFAULT, [f"--config={DEFAULT.with_name('notebook.yaml')}", *SMALL])
    assert isinstance(cli.model.configure_optimizers(), torch.optim.Adam)  # and no scheduler
    assert cli.model.loss_fn.label_smoothing == 0.0


def test_classes_of_the_house_go_by_their_bare_names() -> None:
    import src.models  # noqa: F401  # as src.train does

    cli = TrainCLI(DEFAULT, [*SMALL, "--model.network=CNN", "--model.optimizer=SGD"])
    assert isinstance(cli.model.configure_optimizers()["optimizer"], torch.optim.SGD)


def test_data_tells_the_network_its_shape_and_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.tiny_mnist.TinyMNIST.image_shape", (3, 32, 32))
    monkeypatch.setattr("tests.tiny_mnist.TinyMNIST.num_classes", 7)
    cli = TrainCLI(DEFAULT, SMALL)
    assert cli.model.network(torch.zeros(2, 3, 32, 32)).shape == (2, 7)


class Counting(ClassificationTask):
    """A task that needs the number of classes."""

    def __init__(self, network: nn.Module, num_classes: int) -> None:
        super().__init__(network)
        self.num_classes = num_classes


def test_data_tells_a_task_its_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.tiny_mnist.TinyMNIST.num_classes", 7)
    words = [f"--model={__name__}.Counting", "--model.network=src.models.CNN"]
    assert TrainCLI(DEFAULT, [*SMALL, *words]).model.num_classes == 7


def test_function_may_make_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.tiny_mnist.TinyMNIST.num_classes", 7)
    cli = TrainCLI(DEFAULT, [*SMALL, "--model.network=torchvision.models.resnet18"])
    assert cli.model.network.eval()(torch.zeros(2, 3, 32, 32)).shape == (2, 7)


@pytest.mark.parametrize("words", [[], ["--trainer.callbacks=null"]])
def test_bar_of_lightning_is_replaced(words: list[str]) -> None:
    trainer = TrainCLI(DEFAULT, [*SMALL, *words]).trainer
    assert isinstance(trainer.progress_bar_callback, ProgressLines)


@pytest.mark.parametrize("option", ["--trainer.callbacks", "--trainer.callbacks+"])
def test_bar_of_the_user_is_kept(option: str) -> None:
    words = [f"{option}=TQDMProgressBar", "--trainer.callbacks.refresh_rate=20"]
    bar = TrainCLI(DEFAULT, [*SMALL, *words]).trainer.progress_bar_callback
    assert type(bar) is TQDMProgressBar
    assert bar.refresh_rate == 20


def test_best_is_by_validation_and_last_by_interval() -> None:
    cli = TrainCLI(DEFAULT, [*SMALL, "--last.every_n_steps=7"])
    assert (cli.best.monitor, cli.best.mode) == ("val/acc", "max")
    assert cli.last.every_n_steps == 7


@pytest.mark.parametrize("word", ["true", "false"])
def test_random_seed_is_drawn_and_recorded(word: str) -> None:
    seeds = {TrainCLI(DEFAULT, [*SMALL, f"--seed_everything={word}"]).config.seed_everything}
    seeds.add(TrainCLI(DEFAULT, [*SMALL, f"--seed_everything={word}"]).config.seed_everything)
    assert len(seeds) == 2
    assert all(type(seed) is int for seed in seeds)


def test_network_without_these_arguments_is_accepted() -> None:
    sizes = ["--model.network.in_features=28", "--model.network.out_features=10"]
    cli = TrainCLI(DEFAULT, [*SMALL, "--model.network=torch.nn.Linear", *sizes])
    assert cli.model.network(torch.zeros(2, 28)).shape == (2, 10)


def test_network_that_takes_nothing_else_is_accepted() -> None:
    cli = TrainCLI(DEFAULT, [*SMALL, "--model.network=tests.one_layer.OneLayer"])
    assert cli.model.network(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_observers_are_always_there() -> None:
    observer = Callback()
    cli = TrainCLI(DEFAULT, [*SMALL, "--trainer.callbacks=ModelSummary"], observer)
    assert observer in cli.trainer.callbacks


@pytest.mark.parametrize(
    ("name", "value", "least"),
    [
        ("accumulate_grad_batches", 0, 1),
        ("check_val_every_n_epoch", 0, 1),
        ("gradient_clip_val", -0.5, 0),
        ("log_every_n_steps", -1, 0),
        ("num_sanity_val_steps", -2, -1),
    ],
)
def test_number_that_would_do_nothing_is_refused(name: str, value: float, least: int) -> None:
    said = f"^--trainer.{name} must be at least {least}, got {value}$"
    with pytest.raises(ValueError, match=said):
        TrainCLI(DEFAULT, [*SMALL, f"--trainer.{name}={value}"])


def test_validation_after_more_batches_than_there_are_is_refused(train, capsys, tmp_path) -> None:
    code, line = refusal_of(capsys, lambda: train("--trainer.val_check_interval=12"))
    assert (code, "`val_check_interval` (12) must be less than or equal to" in line) == (2, True)
    assert not [*tmp_path.glob("*/version_*")]


def test_fast_dev_run_claims_no_folder(tmp_path: Path) -> None:
    cli = TrainCLI(DEFAULT, [*SMALL, "--trainer.fast_dev_run=true"])
    assert cli.run is None
    assert not list(tmp_path.iterdir())


def command(**parts) -> TrainCLI:
    """A command of which only some parts are there."""
    cli = object.__new__(TrainCLI)
    best = Fake(best_model_path="")
    known = {"resumed": None, "config": Fake(test=True), "config_init": {"best": best}}
    known |= {"model": "task", "datamodule": "data", "run": None}
    for name, value in (known | parts).items():
        setattr(cli, name, value)
    return cli


@pytest.mark.parametrize(("path", "managed"), [(None, True), ("last.ckpt", False)])
def test_training_begins_or_goes_on(path: str | None, managed: bool, monkeypatch) -> None:
    asked, lean = [], []
    monkeypatch.setattr("src.engine.training.cli.drop_unused_work", lean.append)
    trainer = Fake(fit=lambda *words, **options: asked.append((words, options)))
    vars(trainer).update(callbacks=[], _checkpoint_connector=Fake(_user_managed=None))
    trainer.should_stop = False
    command(trainer=trainer, resumed=path and Fake(path=path)).fit()
    assert asked == [(("task", "data"), {"ckpt_path": path, "weights_only": True})]
    assert (trainer._checkpoint_connector._user_managed, lean) == (managed, [trainer])


@pytest.mark.parametrize(
    ("wanted", "best", "tested", "loaded"),
    [
        (True, "best.ckpt", ["best.ckpt"], []),
        (True, "", [None], []),
        (False, "best.ckpt", [], ["weights"]),
        (False, "", [], []),
    ],
)
def test_best_state_is_tested_or_loaded(
    wanted: bool, best: str, tested: list, loaded: list, monkeypatch
) -> None:
    asked, given = [], []
    content = {Path("best.ckpt"): {"state_dict": "weights"}}
    monkeypatch.setattr("src.engine.training.cli.read_checkpoint", content.get)
    trainer = Fake(test=lambda *_, **options: asked.append(options), _checkpoint_connector=Fake())
    trainer.callbacks = []
    monkeypatch.setattr("src.engine.training.cli._can_test", lambda *_: True)
    command(
        trainer=trainer,
        config=Fake(test=wanted),
        config_init={"best": Fake(best_model_path=best)},
        model=Fake(load_state_dict=given.append),
    ).test()
    known = {"weights_only": True, "verbose": False}
    assert asked == [{"ckpt_path": path} | known for path in tested]
    assert given == loaded


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("--target=acc", "--target must be a metric of the validation"),
        ("--trainer.barebones=true", "forbids checkpoints, curves and metrics"),
        ("--model.num_classes=3", "the data set gives it, as data.num_classes"),
    ],
)
def test_wrong_word_is_refused_before_a_run_begins(word: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        TrainCLI(DEFAULT, [*SMALL, word])
    assert not list(tmp_path.iterdir())


def test_group_in_a_configuration_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "a.yaml"
    config.write_text(f"{DEFAULT.read_text()}\ngroup: mine\n")
    with pytest.raises(ValueError, match=r"^--group belongs on the command line, not in a config"):
        TrainCLI(DEFAULT, [*SMALL, f"--config={config}"])


def test_run_whose_look_cannot_be_counted_is_not_trained(train: Train, capsys) -> None:
    Path("lightning_logs/test_looks.jsonl").mkdir(parents=True)
    code, line = refusal_of(capsys, lambda: train("--trainer.max_epochs=1"))
    assert (code, "the look at the test set cannot be written down" in line) == (1, True)
    assert not [*Path("checkpoints").glob("version_*/*")]
    assert "val/acc_best" in train("--trainer.max_epochs=1", "--test=false")


@pytest.mark.parametrize(
    ("module", "data", "can"),
    [
        (Classifier, ClassifierData, True),
        (OwnLoaders, None, True),
        (Classifier, None, False),
        (Classifier, LightningDataModule, False),
        (GAN, ClassifierData, False),
    ],
)
def test_test_needs_a_step_and_loaders(
    module: type[LightningModule], data: type[LightningDataModule] | None, can: bool
) -> None:
    assert _can_test(module(), data() if data else None) is can


def test_impossible_settings_are_refused_and_nothing_else(monkeypatch) -> None:
    model = Late()
    _refuse_impossible(model)
    for error in (AttributeError("no layer"), RuntimeError("no trainer")):
        monkeypatch.setattr(model, "configure_optimizers", Mock(side_effect=error))
        _refuse_impossible(model)
    monkeypatch.setattr(model, "configure_optimizers", Mock(side_effect=ValueError("lr -1")))
    with pytest.raises(ValueError, match="lr -1"):
        _refuse_impossible(model)


def test_what_the_data_found_is_written_down() -> None:
    given = Namespace(names=None, kept=["a"], other=None)
    config = Namespace(data=Namespace(init_args=given))
    data = Fake(found_settings=("names", "kept"), names=("b", "c"), kept=["d"], other=["e"])
    _fill_open(config, data)
    assert given.as_dict() == {"names": ["b", "c"], "kept": ["a"], "other": None}
    _fill_open(Namespace(data=None), None)
