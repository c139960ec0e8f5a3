"""A genuine run, trained once, whose checkpoints the tests forge."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image, ImageDraw

from src.engine.checkpoints.consent import trust
from src.train import main
from tests.hostile import content_of
from tests.tiny_mnist import write_files


@pytest.fixture(scope="session")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoint of a run on synthetic MNIST, in the folder of its run."""
    root = tmp_path_factory.mktemp("genuine")
    write_files(root / "data" / "MNIST" / "raw")
    before, environment = Path.cwd(), os.environ.get("XDG_STATE_HOME")
    os.chdir(root)
    os.environ["XDG_STATE_HOME"] = str(root / "state")
    try:
        main(
            [
                "--data=tests.tiny_mnist.TinyMNIST",
                "--data.batch_size=20",
                "--trainer.max_epochs=2",
                "--model.network.width=2",
                "--model.network.hidden=[8,8]",
                "--trainer.callbacks=[Temperature,EarlyStopping]",
                "--trainer.callbacks.monitor=val/loss",
                "--trainer.enable_progress_bar=false",
                "--trainer.enable_model_summary=false",
                "--trainer.accelerator=cpu",
            ]
        )
    finally:
        os.chdir(before)
        if environment is not None:
            os.environ["XDG_STATE_HOME"] = environment
    return root / "checkpoints" / "version_0" / "last.ckpt"


@pytest.fixture
def config(genuine: Path) -> dict[str, Any]:
    """Configuration of the genuine run, in plain types."""
    found: dict[str, Any] = yaml.load(content_of(genuine)["config"], yaml.CSafeLoader)
    return found


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of a user who trusts the package of the tests, and has a picture and data."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    write_files(Path("data") / "MNIST" / "raw")
    picture = Image.new("L", (40, 40), 230)
    ImageDraw.Draw(picture).line((22, 8, 18, 32), 20, 4)
    picture.save("picture.png")
    trust("tests")
    return tmp_path / "here"
