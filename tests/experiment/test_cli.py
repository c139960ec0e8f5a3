from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback

from src.experiment.cli import TrainCLI
from src.train import DEFAULT
from tests.conftest import Train

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


def test_network_without_these_arguments_is_accepted() -> None:
    cli = TrainCLI(DEFAULT, [*SMALL, "--model.network=torch.nn.Flatten"])
    assert cli.model.network(torch.zeros(2, 1, 28, 28)).shape == (2, 784)


def test_observers_are_always_there() -> None:
    observer = Callback()
    cli = TrainCLI(DEFAULT, [*SMALL, "--trainer.callbacks=ModelSummary"], observer)
    assert observer in cli.trainer.callbacks


def test_fast_dev_run_claims_no_folder(tmp_path: Path) -> None:
    cli = TrainCLI(DEFAULT, [*SMALL, "--trainer.fast_dev_run=true"])
    assert cli.run is None
    assert not list(tmp_path.iterdir())


def test_missing_checkpoint_names_those_that_exist(train: Train) -> None:
    train("--trainer.max_epochs=1")
    with pytest.raises(
        FileNotFoundError, match=r"no checkpoint .*lost.ckpt.*best.ckpt, .*last.ckpt"
    ):
        TrainCLI(DEFAULT, ["--ckpt_path=checkpoints/version_0/lost.ckpt"])


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04 cut off"])
def test_broken_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.ckpt").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.ckpt is not a whole checkpoint"):
        TrainCLI(DEFAULT, ["--ckpt_path=x.ckpt"])


def test_foreign_checkpoint_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {}}, tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match=r"x\.ckpt was not written by this command"):
        TrainCLI(DEFAULT, ["--ckpt_path=x.ckpt"])


def test_code_in_a_checkpoint_is_not_executed(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "executed",)

    torch.save({"config": Evil()}, tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match=r"x\.ckpt is not a whole checkpoint"):
        TrainCLI(DEFAULT, ["--ckpt_path=x.ckpt"])
    assert not (tmp_path / "executed").exists()
