import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from src.batch import Batch
from src.train import main
from tests.tiny_mnist import TinyMNIST, write_files

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

Train = Callable[..., dict[str, float]]


@pytest.fixture(autouse=True)
def memory(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Remember what a test uses for that test alone, in a folder that is made when it is needed."""
    folder = tmp_path_factory.getbasetemp() / "memory" / f"{hash(request.node.nodeid):x}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder))
        yield folder / "lightning-research-template" / "used.jsonl"


@pytest.fixture
def tiny_mnist(tmp_path: Path) -> TinyMNIST:
    """Synthetic MNIST on disk, read into memory."""
    write_files(tmp_path / "data" / "MNIST" / "raw")
    data = TinyMNIST(str(tmp_path / "data"), batch_size=20)
    data.prepare_data()
    data.setup("fit")
    return data


@pytest.fixture
def batch() -> Batch:
    """Twenty normalised images, two of each class."""
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(20, 1, 28, 28, generator=generator)
    return Batch(image, torch.arange(20) % 10)


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """Run `python -m src.train` on synthetic MNIST in an empty folder; returns its metrics."""
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path / "data" / "MNIST" / "raw")

    def run(*args: str, observed: bool = False) -> dict[str, float]:
        main(
            [
                *([] if observed else ["--trainer.callbacks=null"]),
                "--data=tests.tiny_mnist.TinyMNIST",
                "--data.batch_size=20",
                "--trainer.enable_progress_bar=false",
                "--trainer.enable_model_summary=false",
                "--trainer.log_every_n_steps=5",
                *args,
            ]
        )
        runs = (tmp_path / "lightning_logs").glob("version_*")
        newest = max(
            runs, key=lambda folder: int(folder.name.removeprefix("version_")), default=None
        )
        return json.loads((newest / "metrics.json").read_text()) if newest else {}

    return run


@pytest.fixture(scope="session")
def browser() -> Iterator["Chrome"]:
    """Headless Chromium, without requests of its own."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("needs chromium and chromedriver in PATH")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    quiet = "quic background-networking component-update sync gpu"
    for flag in ("headless", "no-sandbox", "no-first-run", "window-size=900,700"):
        options.add_argument(f"--{flag}")
    for feature in quiet.split():
        options.add_argument(f"--disable-{feature}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield chrome
    chrome.quit()
