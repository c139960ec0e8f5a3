from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, OnExceptionCheckpoint
from lightning.pytorch.profilers import AdvancedProfiler
from torch import nn

from src.engine.checkpoints.confined import _refuse_doubled, class_parts, confine, keep_inside
from src.engine.files.run import Run

LOGGER = "lightning.pytorch.loggers.CSVLogger"


def confined(run: Run | None = None, **trainer: Any) -> dict[str, Any]:
    content = {"model": {"class_path": "x"}, "trainer": trainer}
    spelled(content, run)
    return content["trainer"]


def spelled(content: dict[str, Any], run: Run | None = None) -> None:
    confine(content, lambda name: None, run)


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
        spelled(model(network=part))
    part[place][name] = None
    spelled(model(network=part))


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


LAYER = {"class_path": "torch.nn.Linear", "init_args": {"in_features": 1}}


def model(**arguments: Any) -> dict[str, Any]:
    return {"model": {"class_path": "x", "init_args": arguments}}


def test_class_parts_are_found_at_every_depth() -> None:
    content = {"a": [{"class_path": 1, "b": {"class_path": 2}}], "c": {"d": {"class_path": 3}}}
    assert [part["class_path"] for part in class_parts(content)] == [1, 2, 3]


@pytest.mark.parametrize(
    "value",
    ["{epoch}", "{epoch}-{val/loss:.2f}", "a: b", "[1, 2]", "class_path", "x?", "a: *b", {0: 4}],
)
def test_ordinary_settings_are_taken(value: Any) -> None:
    spelled({**model(x=value, y=[LAYER]), "data": None, "trainer": {"max_epochs": 2}})


@pytest.mark.parametrize(
    "text",
    [
        '{"class_path": "x"}',
        '{"class\\u005fpath": "x"}',
        "class_path: x",
        "{? class_path : x}",
        "[[{class_path: x}]]",
        "{a: '{class_path: x}'}",
        "class_path+: x",
        "a: &a [x, x]\nb: &b [*a, *a]",
    ],
)
def test_text_that_holds_a_class_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"y in the checkpoint is a text that holds a class"):
        spelled(model(y=[text]))


@pytest.mark.parametrize(
    "content",
    [
        {"model.x": 1, **model()},
        {"trainer": {"logger.class_path": "x"}, **model()},
        {"trainer": {"callbacks+": []}, **model()},
        {"trainer": {1: 2}, **model()},
        {"model": {"class_path": "x", "init_args.y": 1}},
        {"model": {"class_path": "x", "__path__": "y"}},
        model(**{"y.z": 1}),
        model(y={"a.b": 1}),
        model(y={None: 1}),
    ],
)
def test_key_that_is_a_path_is_refused(content: dict[Any, Any]) -> None:
    with pytest.raises(ValueError, match="in the checkpoint is no name of a setting"):
        spelled(content)


@pytest.mark.parametrize("value", ["x", 3, ["x"]])
def test_group_must_be_a_group(value: Any) -> None:
    with pytest.raises(ValueError, match="configuration of the checkpoint trainer is"):
        spelled({"trainer": value, **model()})
    with pytest.raises(ValueError, match=r"model\.dict_kwargs is .*: give another"):
        spelled({"model": {"class_path": "x", "dict_kwargs": value}})
    with pytest.raises(ValueError, match=r"data\.class_path is missing"):
        spelled({"data": {"init_args": {}}, **model()})


def test_classes_are_nested_with_an_end() -> None:
    part: Any = 1
    for _ in range(4):
        part = {"class_path": "x", "init_args": {"y": [part]}}
    spelled(model(y=part))
    with pytest.raises(ValueError, match="in over 5 levels"):
        spelled(model(y={"class_path": "x", "init_args": {"y": part}}))


class Inner(nn.Module):
    def __init__(self, size: int = 1) -> None:
        super().__init__()


class Outer(Inner):
    def __init__(self, name: str = "", **more: Any) -> None:
        super().__init__(**more)


@pytest.mark.parametrize("name", ["name", "size", "given"])
def test_argument_is_given_once(name: str) -> None:
    part = {"class_path": "x", "init_args": {"given": 1}, "dict_kwargs": {name: 2}}
    with pytest.raises(ValueError, match=f"{name} of x in the checkpoint is in dict_kwargs"):
        _refuse_doubled(part, Outer)


def test_more_arguments_are_taken() -> None:
    _refuse_doubled({"class_path": "x", "dict_kwargs": {"other": 2}}, Outer)
    _refuse_doubled({"class_path": "x", "dict_kwargs": {"other": 2}}, nn.functional.relu)
    _refuse_doubled({"class_path": "x", "dict_kwargs": {"other": 2}}, None)


@pytest.mark.parametrize("key", ["init_args", "dict_kwargs"])
def test_folder_of_any_files_is_for_the_user_to_name(key: str) -> None:
    data = {"class_path": "Photos", key: {"root": "/home", "data_dir": "data"}}
    content = {"model": {"class_path": "x"}, "data": data}
    spelled(content)
    assert content["data"][key] == {"root": None, "data_dir": "data"}
