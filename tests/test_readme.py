import importlib
import json
import re
import shlex
import shutil
from collections import defaultdict
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, TensorDataset

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
SHOWN = {  # files that are shown whole
    "docs/data.md": ["my_images.py"],
    "docs/extend.md": ["one_layer.py"],
    "docs/own-module.md": ["my_lab.py", "my.yaml"],
    "docs/tasks.md": ["my_task.py"],
}
ROOMS = ("data/*", "models/*", "tasks/*", "batch")


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def commands(page: str) -> Iterator[tuple[str, list[str]]]:
    """List the commands of a page but those that show an error: module and words."""
    parts = re.split(r"^```\w*\n", text_of(page), flags=re.MULTILINE)
    for place, part in enumerate(parts):
        pattern = r"-m ([\w.]+)(.*)()" if place % 2 else r"`python -m ([\w.]+)([^`]*)`()"
        refused = re.sub(r"^.*\nerror: .*\n", "", part, flags=re.MULTILINE)
        for module, rest, _ in re.findall(pattern, refused):
            words = shlex.split(rest.partition(" > ")[0].partition(" < ")[0], comments=True)
            yield module, [word for word in words if word != "$@"]  # of a script
    for rest in re.findall(r'make train ARGS="([^"]+)"', text_of(page)):
        yield "src.train", shlex.split(rest)


def anchors(page: str) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", text_of(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_readme_is_short() -> None:
    assert len(text_of("README.md").splitlines()) <= 200


@pytest.mark.parametrize("page", SHOWN)
def test_page_shows_what_is_tested(page: str) -> None:
    for name in SHOWN[page]:
        assert f"\n{(ROOT / 'tests' / name).read_text()}```\n" in text_of(page)


@pytest.mark.parametrize("page", PAGES)
def test_page_links_to_what_is_there(page: str) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text_of(page)):
        file, _, anchor = link.partition("#")
        target = (ROOT / page).parent / file if file else ROOT / page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(str(target.relative_to(ROOT))), link


@pytest.mark.parametrize("page", PAGES)
def test_page_names_commands_and_options_that_exist(page: str, monkeypatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "tests")  # the examples
    trained = defaultdict(list)  # words by configuration
    for module, words in commands(page):
        assert find_spec(module), f"python -m {module} is not there"
        verb = importlib.import_module(module) if module.startswith("src.") else None
        if module == "src.train":
            config, rest = of_training(words)
            trained[config] += rest
        elif module == "src.reproduce" and words:
            verb._parser().parse_args(words[:1])
            trained[None] += words[1:]
        elif verb and words:
            verb._parser().parse_args(words)
    for config, words in trained.items():
        if words:
            parse(config, words)


def of_training(words: list[str]) -> tuple[Path | None, list[str]]:
    """Find the configuration of a command, if it is here, and the options that are parsed."""
    from src.engine.console.command_line import split_arguments

    given = split_arguments(words)
    here = [ROOT / "tests" / str(given.config), ROOT / str(given.config)]
    config = next((path for path in here if path.is_file()), None)
    rest = [word.removesuffix(".help") for word in given.rest]
    # What a run that continues is made of is in its checkpoint.
    unknown = ("--help", "--print_config", *(["--model."] if given.ckpt_path else []))
    return config, [word for word in rest if not word.startswith(unknown)]


def parse(config: Path | None, words: list[str]) -> None:
    """Parse the words of several trainings as those of one; what is wrong exits."""
    from src.engine.training.cli import TrainCLI
    from src.train import DEFAULT

    class Parsed(TrainCLI):
        def instantiate_classes(self) -> None:
            pass

    for name in ("src.callbacks", "src.data", "src.models", "src.tasks", "tests.one_layer"):
        importlib.import_module(name)  # a loaded class may be called by its bare name
    Parsed(config or DEFAULT, words)


def test_readme_says_how_much_there_is_to_read() -> None:
    rooms = [file for room in ROOMS for file in (ROOT / "src").glob(f"{room}.py")]
    further = {"cifar", "emnist", "fashion_mnist", "kmnist", "qmnist", "svhn"}  # data sets
    further |= {"image_folder_data_module", "photo_cache", "photo_check", "photo_index"}
    further |= {"photo_loader", "photos", "per_image", "per_image_affine", "per_image_elastic"}
    further |= {"centred_digit", "separated", "touching", "written"}  # digits on paper
    further |= {"fine_tuning", "timm_model"}
    further |= {
        "multi_label",
        "regression",
        "errors",
        "made_mnist",
        "turned_mnist",
        "several_mnist",
    }
    further |= {
        "segmentation",
        "unet",
        "cluttered_mnist",
        "language_model",
        "causal_transformer",
        "text",
    }
    files = [file for file in rooms if file.stem not in further]
    lines = sum(len(file.read_text().splitlines()) for file in files)
    said = int(re.search(r"under ([\d,]+) lines", text_of("README.md"))[1].replace(",", ""))
    assert said - 200 < lines < said


def test_own_module_of_the_page_trains(tmp_path: Path, monkeypatch, capsys) -> None:
    from src.train import main

    for name in SHOWN["docs/own-module.md"]:
        shutil.copy(ROOT / "tests" / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    main(["--config=my.yaml", "--trainer.max_epochs=3", "--trainer.enable_progress_bar=false"])
    assert "\nbest state     val/rmse 0." in capsys.readouterr().out
    assert Path("checkpoints/version_0/best.ckpt").is_file()


class Counts(LightningDataModule):
    """How often a device clicks, by what is near it."""

    def train_dataloader(self) -> DataLoader[Any]:
        generator = torch.Generator().manual_seed(0)
        x = torch.rand(400, 3, generator=generator)
        clicks = torch.poisson(x.sum(dim=1, keepdim=True).exp(), generator=generator)
        return DataLoader(TensorDataset(x, clicks), 20)

    val_dataloader = test_dataloader = train_dataloader


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_own_task_of_the_page_trains(tmp_path: Path, monkeypatch, capsys) -> None:
    from src.train import main

    shutil.copy(ROOT / "tests" / "my_task.py", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    layer = "torch.nn.Linear --model.network.in_features=3 --model.network.out_features=1"
    fast = "--model.optimizer.lr=0.05 --trainer.max_epochs=9 --trainer.callbacks=null"
    words = f"--data tests.test_readme.Counts --model my_task.CountTask --model.network {layer}"
    main([*words.split(), *fast.split()])
    metrics = json.loads(Path("lightning_logs/version_0/metrics.json").read_text())
    assert metrics["test/mae"] == metrics["val/mae_best"] < 2.2


def test_own_images_of_the_page_train(tmp_path: Path, monkeypatch, capsys) -> None:
    import numpy as np
    from PIL import Image

    from src.predict import main as predict
    from src.train import main

    shutil.copy(ROOT / "tests" / "my_images.py", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("photos").mkdir()
    for part, count in (("train", 60), ("test", 20)):
        label = np.arange(count) % 2
        image = np.full((count, 16, 16, 3), 40, np.uint8)
        image[np.arange(count), :, :, 2 * label] = 200  # red cats and blue dogs
        np.savez(f"photos/{part}.npz", image=image, label=label)
    options = ["--trainer.callbacks=null", "--trainer.enable_progress_bar=false"]
    main(["--data=my_images.MyImages", "--data.data_dir=photos", *options, "--data.batch_size=5"])
    assert "test accuracy  100.00%" in capsys.readouterr().out
    shutil.rmtree("photos")  # prediction needs none of it
    Image.new("RGB", (300, 200), (30, 40, 210)).save("new.jpg")
    with pytest.raises(SystemExit, match=r"^0$"):
        predict(["last", "new.jpg"])
    assert "\nnew.jpg  dog" in capsys.readouterr().out
