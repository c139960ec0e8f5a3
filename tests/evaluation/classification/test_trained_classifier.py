"""A trained classification of images: its network, images, classes and calibration."""

import shutil
from pathlib import Path

import pytest
import torch

from src.engine.checkpoints.trained import Trained
from src.evaluation.classification.trained_classifier import TrainedClassifier
from tests.conftest import Train


@pytest.fixture
def run(finished: Train, tmp_path: Path) -> Path:
    finished("--trainer.max_epochs=2", "--trainer.callbacks=Temperature")
    return tmp_path


def load(word: str, data_dir: str | None = None) -> TrainedClassifier:
    return TrainedClassifier.of(Trained.load(word, data_dir), "predict")


def test_data_is_found_beside_the_run(run: Path, monkeypatch) -> None:
    elsewhere = run / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (batch,) = load(str(run / "checkpoints/version_0")).batches("test", torch.device("cpu"))
    assert batch.image.shape == (60, 1, 28, 28)


def test_moved_file_belongs_to_no_run(run: Path, monkeypatch) -> None:
    shutil.move("checkpoints/version_0/best.ckpt", "moved.ckpt")
    trained = load("moved.ckpt", "data")
    assert trained.run is None
    assert trained.temperature is not None


def test_split_is_read_in_its_order(run: Path) -> None:
    trained = load("last")
    batches = [*trained.batches("train", torch.device("cpu"))]
    assert torch.equal(
        torch.cat([batch.label for batch in batches]), trained.data.splits["train"].label
    )


def test_temperature_of_other_weights_is_none(run: Path) -> None:
    trained = load("last")
    trained.checkpoint["calibration"]["step"] -= 1
    assert trained.temperature is None


def test_what_a_data_set_lacks_is_named(run: Path) -> None:
    with pytest.raises(ValueError, match="TinyMNIST has no `colour`"):
        load("last").published("colour")


def test_files_are_read_once(run: Path, monkeypatch) -> None:
    trained, verified = load("last"), []
    monkeypatch.setattr(trained.data, "prepare_data", lambda: verified.append(1))
    for split in ("val", "test", "test"):
        trained.images(split)
    assert len(verified) == 1


def test_parts_of_a_classifier_say_if_uncalibrated(run: Path, capsys) -> None:
    trained = load("last")
    assert trained.classifier_parts()["temperature"] == trained.temperature
    assert capsys.readouterr().err == ""
    del trained.checkpoint["calibration"]
    assert trained.classifier_parts()["temperature"] == 1
    assert "not calibrated" in capsys.readouterr().err


def test_classes_without_names_are_numbered(run: Path, monkeypatch) -> None:
    trained = load("last")
    assert trained.class_names(10) == tuple("0123456789")
    monkeypatch.setattr(type(trained.data), "class_names", None)
    assert trained.class_names(3) == ["0", "1", "2"]
