"""A trained task and its data set, from a checkpoint alone."""

import shutil
from pathlib import Path

import pytest
import torch

from src.experiment.trained import Trained
from tests.conftest import Train


@pytest.fixture
def run(finished: Train, tmp_path: Path) -> Path:
    finished("--trainer.max_epochs=2", "--trainer.callbacks=Temperature")
    return tmp_path


def test_weights_are_those_of_the_checkpoint(run: Path) -> None:
    trained = Trained.load("last")
    assert trained.path.resolve() == run / "checkpoints/version_0/best.ckpt"
    for name, value in trained.task.state_dict().items():
        assert torch.equal(value, trained.checkpoint["state_dict"][name])
    assert not trained.task.training


def test_each_name_of_a_run_is_found(run: Path) -> None:
    names = ["checkpoints/version_0", "lightning_logs/version_0", "checkpoints/version_0/best.ckpt"]
    assert len({Trained.load(name).path.resolve() for name in names}) == 1


def test_data_is_found_beside_the_run(run: Path, monkeypatch) -> None:
    elsewhere = run / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (batch,) = Trained.load(str(run / "checkpoints/version_0")).batches("test", torch.device("cpu"))
    assert batch.image.shape == (60, 1, 28, 28)


def test_broken_latest_run_is_passed_over_and_named(run: Path, capsys) -> None:
    shutil.copytree(run / "checkpoints/version_0", run / "checkpoints/version_1")
    for file in (run / "checkpoints/version_1").glob("*.ckpt"):
        file.write_bytes(file.read_bytes()[:-100])
    assert Trained.load("last").path.resolve() == run / "checkpoints/version_0/best.ckpt"
    assert "note: passed over: checkpoints/version_1" in capsys.readouterr().err


def test_moved_file_belongs_to_no_run(run: Path, monkeypatch) -> None:
    shutil.move("checkpoints/version_0/best.ckpt", "moved.ckpt")
    trained = Trained.load("moved.ckpt", "data")
    assert trained.run is None
    assert trained.temperature is not None


def test_split_is_read_in_its_order(run: Path) -> None:
    trained = Trained.load("last")
    batches = [*trained.batches("train", torch.device("cpu"))]
    assert torch.equal(
        torch.cat([batch.label for batch in batches]), trained.data.splits["train"].label
    )


def test_temperature_of_other_weights_is_none(run: Path) -> None:
    trained = Trained.load("last")
    trained.checkpoint["calibration"]["step"] -= 1
    assert trained.temperature is None


def test_what_a_data_set_lacks_is_named(run: Path) -> None:
    with pytest.raises(ValueError, match="TinyMNIST has no `colour`"):
        Trained.load("last").published("colour")


def test_changed_class_is_one_line(run: Path) -> None:
    checkpoint = torch.load("checkpoints/version_0/best.ckpt", weights_only=True)
    checkpoint["config"] = checkpoint["config"].replace("label_smoothing:", "smoothing:")
    torch.save(checkpoint, "other.ckpt")
    with pytest.raises(ValueError, match=r"of other code than this: .*smoothing"):
        Trained.load("other.ckpt")


def test_files_are_read_once(run: Path, monkeypatch) -> None:
    trained, verified = Trained.load("last"), []
    monkeypatch.setattr(trained.data, "prepare_data", lambda: verified.append(1))
    for split in ("val", "test", "test"):
        trained.images(split)
    assert len(verified) == 1


def test_parts_of_a_classifier_say_if_uncalibrated(run: Path, capsys) -> None:
    trained = Trained.load("last")
    assert trained.classifier_parts()["temperature"] == trained.temperature
    assert capsys.readouterr().err == ""
    del trained.checkpoint["calibration"]
    assert trained.classifier_parts()["temperature"] == 1
    assert "not calibrated" in capsys.readouterr().err


def test_classes_without_names_are_numbered(run: Path, monkeypatch) -> None:
    trained = Trained.load("last")
    assert trained.class_names(10) == tuple("0123456789")
    monkeypatch.setattr(type(trained.data), "class_names", None)
    assert trained.class_names(3) == ["0", "1", "2"]
