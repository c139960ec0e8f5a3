"""What a stranger's configuration may touch: the run's own folders, and what is already there."""

import gzip
import inspect
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from src import evaluate, predict, report, reproduce
from src.data import ImageFolderDataModule
from src.engine.checkpoints.trained import Trained
from src.train import main as train
from tests.data.photo_folders import photo_folder
from tests.hostile import VERBS, Watched, content_of, forge, place, watched

ELSEWHERE = "elsewhere"
LOGGER = "lightning.pytorch.loggers.CSVLogger"
REACHING = {
    "default_root_dir": ELSEWHERE,
    "logger": [
        {"class_path": LOGGER, "init_args": {"save_dir": ELSEWHERE, "name": "..", "version": "x"}},
        {
            "class_path": "lightning.pytorch.loggers.TensorBoardLogger",
            "init_args": {"save_dir": f"{ELSEWHERE}/deep", "sub_dir": "../.."},
        },
    ],
    "profiler": {
        "class_path": "lightning.pytorch.profilers.SimpleProfiler",
        "init_args": {"dirpath": ELSEWHERE, "filename": "profile"},
    },
    "callbacks": [
        {
            "class_path": "lightning.pytorch.callbacks.ModelCheckpoint",
            "init_args": {"dirpath": ELSEWHERE, "filename": "kept", "every_n_train_steps": 5},
        },
        {
            "class_path": "lightning.pytorch.callbacks.OnExceptionCheckpoint",
            "init_args": {"dirpath": ELSEWHERE, "filename": "failed"},
        },
    ],
}


def written(seen: Watched, here: Path) -> set[str]:
    """List the folders in which something was made, below the working directory by its parts."""
    files = [what for event, what in seen.reached if event != "subprocess.Popen"]  # git's
    made = {Path(str(what)).absolute() for what in files if isinstance(what, str | Path)}
    inside = {path.relative_to(here).parts[:2] for path in made if path.is_relative_to(here)}
    return {"/".join(parts) for parts in inside}


def with_data(config: dict[str, Any], folder: str) -> dict[str, Any]:
    return place(config, "data/init_args/data_dir", folder)


def test_training_writes_into_its_own_folders(
    stranger: Path, genuine: Path, config: dict[str, Any], capsys: pytest.CaptureFixture
) -> None:
    callbacks = config["trainer"]["callbacks"] + REACHING["callbacks"]
    config["trainer"] |= REACHING | {"callbacks": callbacks}
    ckpt = forge(genuine, stranger / "x.ckpt", config)
    with watched() as seen:
        train(["--ckpt_path", ckpt, "--trainer.max_epochs=3"])
    assert not Path(ELSEWHERE).exists()
    own = {"checkpoints/version_0", "lightning_logs/version_0"}
    ledger = "lightning_logs/test_looks.jsonl"
    own |= {ledger, f"{ledger}.{os.getpid()}"}  # the second shows whether the first can be made
    assert written(seen, stranger) <= own | {"lightning_logs", "checkpoints"}
    logs, states = Path("lightning_logs/version_0"), Path("checkpoints/version_0")
    assert (logs / "metrics.csv").is_file()
    assert [*logs.glob("*profile*")]
    assert [*logs.glob("events*")]
    assert (states / "kept.ckpt").is_file()


def test_command_may_name_another_place(
    stranger: Path, genuine: Path, config: dict[str, Any]
) -> None:
    config["trainer"] |= {"logger": REACHING["logger"][0]}
    ckpt = forge(genuine, stranger / "x.ckpt", config)
    train(["--ckpt_path", ckpt, "--trainer.max_epochs=3", "--trainer.logger.save_dir=named"])
    assert [*Path("named").rglob("metrics.csv")]
    assert not Path(ELSEWHERE).exists()


@pytest.mark.parametrize("words", [(), ("--trainer.fast_dev_run=true",)])
def test_training_fetches_nothing(
    words: tuple[str, ...], stranger: Path, genuine: Path, config: dict[str, Any]
) -> None:
    config["trainer"]["fast_dev_run"] = True
    ckpt = forge(genuine, stranger / "x.ckpt", with_data(config, ELSEWHERE))
    with watched() as seen, pytest.raises(SystemExit):
        train(["--ckpt_path", ckpt, "--trainer.max_epochs=3", *words])
    assert not Path(ELSEWHERE).exists()
    assert not [event for event, _ in seen.reached if event.startswith(("socket", "urllib"))]


@pytest.mark.parametrize("verb", ["evaluate", "export", "label_errors", "train", "reproduce"])
def test_folder_of_data_is_neither_made_nor_filled(
    verb: str, stranger: Path, genuine: Path, config: dict[str, Any], capsys: Any
) -> None:
    ckpt = forge(genuine, stranger / "x.ckpt", with_data(config, ELSEWHERE))
    with watched() as seen, pytest.raises(SystemExit) as stop:
        VERBS[verb](ckpt)
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert not Path("lightning_logs").exists()
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "a folder that only a checkpoint names is not filled" in errors[0]
    assert not Path(ELSEWHERE).exists()
    assert not [what for what in seen.reached if what[0].startswith(("socket", "urllib", "sub"))]


def test_pictures_need_no_data(
    stranger: Path, genuine: Path, config: dict[str, Any], capsys: Any
) -> None:
    ckpt = forge(genuine, stranger / "x.ckpt", with_data(config, ELSEWHERE))
    with watched() as seen, pytest.raises(SystemExit) as stop:
        predict.main([ckpt, "picture.png"])
    assert not stop.value.code, capsys.readouterr().err
    assert not seen.reached


def test_folder_that_is_there_is_only_read(
    stranger: Path, genuine: Path, config: dict[str, Any]
) -> None:
    raw = stranger / ELSEWHERE / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for file in (stranger / "data" / "MNIST" / "raw").iterdir():
        (raw / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    ckpt = forge(genuine, stranger / "x.ckpt", with_data(config, ELSEWHERE))
    evaluate.main([ckpt])
    assert {file.suffix for file in raw.iterdir()} == {".gz"}


def test_folder_that_the_command_names_may_be_filled(
    stranger: Path, genuine: Path, config: dict[str, Any]
) -> None:
    ckpt = forge(genuine, stranger / "x.ckpt", with_data(config, ELSEWHERE))
    assert Trained.load(ckpt, "data").data.download
    assert not Trained.load(ckpt).data.download


def with_photos(config: dict[str, Any], name: str, **more: Any) -> dict[str, Any]:
    """Let a configuration name photos that are there, and everything else to read them."""
    labels = [*"0123456789"]
    photo_folder(Path(ELSEWHERE), 1, ("train", "val", "test"), labels)
    settings = inspect.signature(ImageFolderDataModule).parameters.values()
    given: dict[str, Any] = {setting.name: setting.default for setting in settings}
    given |= {"root": ELSEWHERE, "image_size": 28, "grey": True, "class_names": labels, **more}
    return place(config, "data", {"class_path": f"src.data.{name}", "init_args": given})


PHOTOS = "ImageFolderDataModule"
UNNAMED = "--data_dir elsewhere; a folder that only a checkpoint names is not read"


@pytest.mark.parametrize("verb", ["evaluate", "export", "label_errors", "train", "reproduce"])
@pytest.mark.parametrize(
    ("name", "more"),
    [
        (PHOTOS, {}),
        (f"image_folder_data_module.{PHOTOS}", {"root": f"{ELSEWHERE}/../{ELSEWHERE}"}),
        (PHOTOS, {"class_names": None}),
        (PHOTOS, {"root": "private.csv", "class_names": None}),
    ],
)
def test_photos_that_only_a_checkpoint_names_are_not_read(
    verb: str, name: str, more: Any, stranger: Path, genuine: Path, config: Any, capsys: Any
) -> None:
    Path("private.csv").write_text("path,label\n/etc/passwd,x\n")
    ckpt = forge(genuine, stranger / "x.ckpt", with_photos(config, name, **more))
    with watched() as seen, pytest.raises(SystemExit) as stop:
        VERBS[verb](ckpt)
    said = capsys.readouterr().err
    assert (stop.value.code, UNNAMED in said) == (2, True)
    assert not [name for name in seen.opened + seen.listed if ELSEWHERE in name or "csv" in name]


def test_photos_are_classified_without_reading_others(
    stranger: Path, genuine: Path, config: dict[str, Any], capsys: Any
) -> None:
    ckpt = forge(genuine, stranger / "x.ckpt", with_photos(config, PHOTOS))
    content = content_of(Path(ckpt)) | {PHOTOS: {"mean": [0.1], "std": [0.3], "photos": {}}}
    torch.save(content, ckpt)
    with watched() as seen, pytest.raises(SystemExit) as stop:
        predict.main([ckpt, "picture.png"])
    assert not stop.value.code, capsys.readouterr().err
    assert not [name for name in seen.opened + seen.listed if ELSEWHERE in name]


def test_photos_that_the_command_names_are_read(
    stranger: Path, genuine: Path, config: dict[str, Any], capsys: Any
) -> None:
    named = place(with_photos(config, PHOTOS), "data/init_args/root", "nowhere")
    ckpt = forge(genuine, stranger / "x.ckpt", named)
    evaluate.main([ckpt, "--data_dir", ELSEWHERE])
    assert "accuracy" in capsys.readouterr().out
    with pytest.raises(SystemExit):  # there are fewer than the run had
        train(["--ckpt_path", ckpt, f"--data.root={ELSEWHERE}", "--trainer.max_epochs=3"])
    assert "30 photos of 10 classes" in capsys.readouterr().err


def test_own_run_goes_on_as_before(stranger: Path, genuine: Path) -> None:
    words = ["--data=tests.tiny_mnist.TinyMNIST", "--trainer.logger=CSVLogger"]
    words += ["--trainer.logger.save_dir=named", "--trainer.default_root_dir=root"]
    words += ["--trainer.callbacks=ModelCheckpoint", "--trainer.callbacks.dirpath=kept"]
    train([*words, "--trainer.max_epochs=1", "--trainer.accelerator=cpu"])
    (table,) = Path("named").rglob("metrics.csv")
    before = table.read_text()
    train(["--ckpt_path", "root/checkpoints/version_0", "--trainer.max_epochs=2"])
    assert table.read_text().startswith(before.rpartition(",")[0][:40])
    assert len(table.read_text()) > len(before)
    assert [*Path("kept").glob("*.ckpt")]
    assert not Path("lightning_logs").exists()


def test_package_of_the_users_is_trusted_by_use(
    stranger: Path, genuine: Path, config: dict[str, Any], memory: Path, capsys: Any
) -> None:
    ckpt = forge(genuine, stranger / "x.ckpt", config)
    shutil.rmtree(memory.parent)
    for verb in ("predict", "train"):
        with pytest.raises(SystemExit) as stop:
            VERBS[verb](ckpt)
        assert stop.value.code == 2
        assert "--trust tests allows it" in capsys.readouterr().err
    train(["--data=tests.tiny_mnist.TinyMNIST", "--trainer.max_epochs=0"])
    assert Trained.load(ckpt).data


@pytest.mark.parametrize("word", ["--trust=tests", "--trust"])
def test_package_is_trusted_by_a_word(
    word: str, stranger: Path, genuine: Path, config: dict[str, Any], memory: Path, capsys: Any
) -> None:
    ckpt = forge(genuine, stranger / "x.ckpt", config)
    shutil.rmtree(memory.parent)
    words = [word] if "=" in word else [word, "tests"]
    with pytest.raises(SystemExit) as stop:
        predict.main([ckpt, "picture.png", *words])
    assert not stop.value.code, capsys.readouterr().err
    train(["--ckpt_path", ckpt, "--trainer.max_epochs=3"])  # from now on


def test_reproduction_takes_trust_too(
    stranger: Path, genuine: Path, config: dict[str, Any], memory: Path, capsys: Any
) -> None:
    ckpt = forge(genuine, stranger / "x.ckpt", config)
    shutil.rmtree(memory.parent)
    with pytest.raises(SystemExit) as stop:
        reproduce.main([ckpt, "--trust=tests"])
    assert not stop.value.code, capsys.readouterr().err
    assert "reproduced     yes" in capsys.readouterr().out


def test_copied_run_may_go_on_elsewhere(
    stranger: Path, genuine: Path, config: dict[str, Any]
) -> None:
    ckpt = forge(genuine, stranger / "x.ckpt", config)
    words = ["--trainer.default_root_dir=named", "--trainer.max_epochs=3"]
    train(["--ckpt_path", ckpt, *words])
    assert Path("named/checkpoints/version_0/last.ckpt").is_file()
    assert not Path("checkpoints").exists()


@pytest.mark.slow
def test_report_refuses_what_evaluate_refuses(
    stranger: Path, genuine: Path, config: dict[str, Any], monkeypatch: Any, capsys: Any
) -> None:
    shutil.copytree(genuine.parents[2] / "lightning_logs", "lightning_logs")
    states = Path("checkpoints/version_0")
    states.mkdir(parents=True)
    evil = place(config, "model/init_args/network", {"class_path": "os.system"})
    for name in ("best.ckpt", "last.ckpt"):
        forge(genuine, states / name, evil)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    with pytest.raises(SystemExit) as stop:
        report.main(["version_0"])
    said = capsys.readouterr().err
    assert (stop.value.code, said.count("\n")) == (2, 1)
    assert "the checkpoint names os.system" in said


def test_package_may_publish_a_class_elsewhere(
    stranger: Path, genuine: Path, config: dict[str, Any], monkeypatch: Any, capsys: Any
) -> None:
    code = "from tests.tiny_mnist import TinyMNIST\nclass Data(TinyMNIST): pass\n"
    (stranger / "published_lab").mkdir()
    (stranger / "published_lab" / "inner.py").write_text(code)
    published = "from published_lab.inner import Data as Data\n"
    (stranger / "published_lab" / "__init__.py").write_text(published)
    monkeypatch.syspath_prepend(stranger)
    changed = place(config, "data/class_path", "published_lab.Data")
    ckpt = forge(genuine, stranger / "x.ckpt", changed)
    evaluate.main([ckpt, "--trust", "published_lab"])
    train(["--ckpt_path", ckpt, "--trainer.max_epochs=3"])
    assert "error" not in capsys.readouterr().err
