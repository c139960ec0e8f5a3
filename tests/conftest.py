import gc
import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from functools import cache, partial
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# What takes long to load is loaded by fixtures: the process that hands out the tests needs none.
if TYPE_CHECKING:
    from selenium.webdriver import Chrome

    from src.batch import Batch
    from tests.tiny_mnist import TinyMNIST

Train = Callable[..., dict[str, float]]


@pytest.fixture(autouse=True)
def memory(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Remember what a test uses for that test alone, in a folder that is made when it is needed."""
    folder = tmp_path_factory.getbasetemp() / "memory" / f"{hash(request.node.nodeid):x}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder))
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield folder / "lightning-research-template" / "used.jsonl"


@pytest.fixture(scope="session", autouse=True)
def frozen() -> Iterator[None]:
    """Leave to the collector only what tests make: looking through all of torch takes long."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def without_waiting() -> Iterator[None]:
    """Let no file wait for the disk; the tests of what is forced there ask for it themselves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def outside_a_job() -> Iterator[None]:
    """Hide the job of a cluster in which the tests may run: Lightning would take part in it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("SLURM_")]:
            patch.delenv(name)
        yield


@pytest.fixture
def tiny_mnist(tmp_path: Path) -> "TinyMNIST":
    """Synthetic MNIST on disk, read into memory."""
    from tests.tiny_mnist import TinyMNIST, write_files

    write_files(tmp_path / "data" / "MNIST" / "raw")
    data = TinyMNIST(str(tmp_path / "data"), batch_size=20)
    data.prepare_data()
    data.setup("fit")
    return data


@pytest.fixture
def batch() -> "Batch":
    """Twenty normalised images, two of each class."""
    import torch

    from src.batch import Batch

    generator = torch.Generator().manual_seed(0)
    image = torch.randn(20, 1, 28, 28, generator=generator)
    return Batch(image, torch.arange(20) % 10)


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """Run `python -m src.train` on synthetic MNIST in an empty folder; returns its metrics.

    The network is the smallest one, unless the words name another.
    """
    from src.train import main
    from tests.tiny_mnist import write_files

    monkeypatch.chdir(tmp_path)
    write_files(tmp_path / "data" / "MNIST" / "raw")

    def run(*args: str, observed: bool = False) -> dict[str, float]:
        own = any(word.startswith(("--model=", "--model.network", "--config")) for word in args)
        main(
            [
                *([] if observed else ["--trainer.callbacks=null"]),
                *([] if own else ["--model.network=tests.one_layer.OneLayer"]),
                "--data=tests.tiny_mnist.TinyMNIST",
                "--data.batch_size=20",
                "--trainer.enable_progress_bar=false",
                "--trainer.enable_model_summary=false",
                "--trainer.log_every_n_steps=5",
                *args,
            ]
        )
        return newest_metrics(tmp_path)

    return run


@pytest.fixture
def finished(
    train: Train, memory: Path, tmp_path: Path, finished_runs: dict[Any, Path], tmp_path_factory
) -> Train:
    """As `train`, in a folder without runs, and so that only the first of equal runs is computed.

    It is for tests that begin with a finished run; what that run printed is not printed again.
    """

    def copy(*args: str, observed: bool = False) -> dict[str, float]:
        key = (args, observed)
        if key not in finished_runs:
            made = tmp_path_factory.mktemp("made")
            shutil.copytree("data", made / "data")
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(made)
                train(*args, observed=observed)
            shutil.copy(memory, made)
            # Where it was made there is nothing any more that a copy could find.
            finished_runs[key] = made.rename(made.with_name(f"{made.name}-finished"))
        for folder in ("lightning_logs", "checkpoints"):
            shutil.copytree(finished_runs[key] / folder, folder)
        memory.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(finished_runs[key] / memory.name, memory)
        return newest_metrics(tmp_path)

    return copy


@pytest.fixture(scope="session")
def finished_runs() -> dict[Any, Path]:
    """Folders of the runs of `finished`, by the words of their commands."""
    return {}


def newest_metrics(root: Path) -> dict[str, float]:
    """Read `metrics.json` of the last run; empty if there is none."""
    folders = (root / "lightning_logs").glob("version_*")
    newest = max(folders, key=lambda each: int(each.name.removeprefix("version_")), default=None)
    return json.loads((newest / "metrics.json").read_text()) if newest else {}


@pytest.fixture(scope="session", autouse=True)
def default_once() -> Iterator[None]:
    """Parse the default configuration, to which each run is compared, only once a process."""
    from src.engine.records.save_config import dump_default

    texts: dict[Path, str | None] = {}

    def default(parser: Any, path: Path) -> str | None:
        if path not in texts:
            texts[path] = dump_default(parser, path)
        return texts[path]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("src.engine.training.cli.dump_default", default)
        yield


@pytest.fixture(scope="session", autouse=True)
def code_once() -> Iterator[None]:
    """Ask git only once a process what code this is; it does not change meanwhile."""
    from src.engine.records import provenance

    state, here = provenance.code_state, provenance.SOURCE
    own = cache(partial(state, here))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provenance, "code_state", lambda it: {**own()} if it == here else state(it))
        yield


@pytest.fixture(scope="session")
def loaded() -> Iterator[None]:
    """Let `tests.at_once` fork a process that has loaded what commands need."""
    forkserver._forkserver._stop()  # one that other tests have begun
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
        multiprocessing.set_forkserver_preload(["tests.preloaded"])
        forkserver.ensure_running()
    yield
    forkserver._forkserver._stop()
    multiprocessing.set_forkserver_preload([])


@pytest.fixture
def forked(loaded: None) -> Iterator[None]:
    """Let the processes begin at once that a group, a sweep or a report starts."""
    from tests.at_once import forked_processes

    with forked_processes():
        yield


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
