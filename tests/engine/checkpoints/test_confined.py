from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, OnExceptionCheckpoint
from lightning.pytorch.profilers import AdvancedProfiler

from src.engine.checkpoints.confined import confine, find_data, forbid_download, keep_inside
from src.engine.files.run import Run

LOGGER = "lightning.pytorch.loggers.CSVLogger"


def confined(run: Run | None = None, **trainer: Any) -> dict[str, Any]:
    content = {"trainer": trainer}
    confine(content, run)
    return content["trainer"]


def test_folders_of_the_trainer_are_forgotten() -> None:
    trainer = {"default_root_dir": "/elsewhere", "model_registry": "x", "fast_dev_run": True}
    assert confined(**trainer, max_epochs=3) == {
        "fast_dev_run": False,
        "default_root_dir": None,
        "model_registry": None,
        "max_epochs": 3,
    }


@pytest.mark.parametrize("run", [None, Run(Path("/root_of_runs"), 3)])
def test_loggers_write_to_the_folder_of_the_run(run: Run | None) -> None:
    arguments = {"save_dir": "/elsewhere", "name": "../..", "version": "/x", "prefix": "a"}
    part = {"class_path": LOGGER, "init_args": arguments, "dict_kwargs": {"root_dir": "/elsewhere"}}
    folder = str(run.root) if run else "."
    expected = {
        "class_path": LOGGER,
        "init_args": {"save_dir": folder, "name": "lightning_logs", "prefix": "a"},
    }
    assert confined(run, logger=[part])["logger"] == [expected]


def test_states_and_profiles_are_written_there() -> None:
    part = {"class_path": "x", "init_args": {"dirpath": "/elsewhere", "filename": "name"}}
    trainer = confined(profiler={**part}, callbacks=[{**part}])
    for found in (trainer["profiler"], trainer["callbacks"][0]):
        assert found["init_args"] == {"dirpath": ".", "filename": "name"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("strategy", "deepspeed"),
        ("strategy", "/some/file.yaml"),
        ("accelerator", "x"),
        ("logger", "CSVLogger"),
        ("callbacks", ["EarlyStopping"]),
        ("callbacks", "{class_path: x}"),
        ("plugins", "x"),
        ("profiler", "/dev/zero"),
    ],
)
def test_texts_for_parts_of_the_trainer_are_few(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"trainer\.{name} in the checkpoint is a text"):
        confined(**{name: value})
    confined(strategy="ddp", accelerator="gpu", profiler="simple", logger=True, callbacks=None)


NAMES = ["../x", "/x", "a/b", "..", "{b:c}", "{step:>3000000000}", "{step.x}", "{step!r}", "{0[a]}"]


@pytest.mark.parametrize("name", NAMES)
def test_files_outside_are_refused(name: str) -> None:
    part = {"class_path": "x", "init_args": {"filename": name}}
    with pytest.raises(ValueError, match="outside of its run"):
        confined(callbacks=[part])


@pytest.mark.parametrize(
    "name", ["best", "{epoch}-{step}", "{epoch:02d}-{val/loss:.2f} a=b", "x.y"]
)
def test_usual_names_of_files_are_taken(name: str) -> None:
    part = {"class_path": "x", "init_args": {"filename": name}}
    assert confined(callbacks=[part])["callbacks"][0]["init_args"]["filename"] == name


@pytest.mark.parametrize("place", ["init_args", "dict_kwargs"])
@pytest.mark.parametrize("name", ["weights", "weights_backbone", "pretrained"])
def test_nothing_is_fetched(place: str, name: str) -> None:
    part = {"class_path": "torchvision.models.resnet18", place: {name: "DEFAULT"}}
    with pytest.raises(ValueError, match=f"asks .*resnet18 for {name}='DEFAULT'"):
        confine({"model": {"init_args": {"network": part}}}, None)
    part[place][name] = None
    confine({"model": {"init_args": {"network": part}}}, None)


def test_callbacks_and_profiler_get_the_folders_of_the_run(tmp_path: Path) -> None:
    callbacks = [ModelCheckpoint(), OnExceptionCheckpoint("."), ModelCheckpoint("/named")]
    trainer = Trainer(
        callbacks=callbacks[1:2],
        profiler=AdvancedProfiler(".", "profile"),
        logger=False,
        accelerator="cpu",
    )
    trainer.callbacks = callbacks
    run = Run(tmp_path, 3)
    keep_inside(trainer, run)
    folders = [str(callback.dirpath) for callback in callbacks]
    assert folders == [str(run.checkpoint_dir)] * 2 + ["/named"]
    assert trainer.profiler.dirpath == run.log_dir


def test_download_is_forbidden_where_there_is_one() -> None:
    data = SimpleNamespace(download=True)
    assert forbid_download(data) is True
    assert data.download is False
    other = SimpleNamespace()
    assert forbid_download(other) is False
    assert not vars(other)


@pytest.mark.parametrize(
    ("before", "given", "found"),
    [
        ("data", None, "root/data"),  # beside its run
        ("here", None, "here"),
        ("nowhere", None, "nowhere"),
        ("data", "given", "given"),
        (3, None, 3),
    ],
)
def test_data_is_looked_for_beside_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: Any, given: str | None, found: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("root/data", "here", "root/here"):
        (tmp_path / folder).mkdir(parents=True)
    content = {"data": {"class_path": "x", "init_args": {"data_dir": before}}}
    find_data(content, given, Run(Path("root"), 0))
    assert content["data"]["init_args"]["data_dir"] == found


def test_data_without_a_run_stay_where_they_are_named() -> None:
    content: dict[str, Any] = {"data": {"class_path": "x"}}
    find_data(content, None, None)
    assert content["data"]["init_args"] == {}
    find_data({"data": None}, "x", None)
