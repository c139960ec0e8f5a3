from typing import Any

import pytest
from torch import nn

from src.engine.checkpoints.spelled import class_parts, refuse_doubled, refuse_misspelled

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
    refuse_misspelled({**model(x=value, y=[LAYER]), "data": None, "trainer": {"max_epochs": 2}})


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
        refuse_misspelled(model(y=[text]))


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
    with pytest.raises(ValueError, match=r"the checkpoint has"):
        refuse_misspelled(content)


@pytest.mark.parametrize("value", ["x", 3, ["x"]])
def test_group_must_be_a_group(value: Any) -> None:
    with pytest.raises(ValueError, match="trainer in the checkpoint is no group"):
        refuse_misspelled({"trainer": value, **model()})
    with pytest.raises(ValueError, match="dict_kwargs of model in the checkpoint is no group"):
        refuse_misspelled({"model": {"class_path": "x", "dict_kwargs": value}})
    with pytest.raises(ValueError, match="data in the checkpoint names no class"):
        refuse_misspelled({"data": {"init_args": {}}, **model()})


def test_classes_are_nested_with_an_end() -> None:
    part: Any = 1
    for _ in range(4):
        part = {"class_path": "x", "init_args": {"y": [part]}}
    refuse_misspelled(model(y=part))
    with pytest.raises(ValueError, match="in over 5 levels"):
        refuse_misspelled(model(y={"class_path": "x", "init_args": {"y": part}}))


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
        refuse_doubled(part, Outer)


def test_more_arguments_are_taken() -> None:
    refuse_doubled({"class_path": "x", "dict_kwargs": {"other": 2}}, Outer)
    refuse_doubled({"class_path": "x", "dict_kwargs": {"other": 2}}, nn.functional.relu)
    refuse_doubled({"class_path": "x", "dict_kwargs": {"other": 2}}, None)
