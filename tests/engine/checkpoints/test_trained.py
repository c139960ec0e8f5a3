"""A trained task and its data set, from a checkpoint alone."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.demos.boring_classes import BoringModel

from src.engine.checkpoints.trained import Trained, _find_data
from src.engine.files.run import Run
from tests import foreign
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


def test_broken_latest_run_is_passed_over_and_named(run: Path, capsys) -> None:
    shutil.copytree(run / "checkpoints/version_0", run / "checkpoints/version_1")
    for file in (run / "checkpoints/version_1").glob("*.ckpt"):
        file.write_bytes(file.read_bytes()[:-100])
    assert Trained.load("last").path.resolve() == run / "checkpoints/version_0/best.ckpt"
    assert "note: passed over: checkpoints/version_1" in capsys.readouterr().err


def test_changed_class_is_one_line(run: Path) -> None:
    checkpoint = torch.load("checkpoints/version_0/best.ckpt", weights_only=True)
    checkpoint["config"] = checkpoint["config"].replace("label_smoothing:", "smoothing:")
    torch.save(checkpoint, "other.ckpt")
    with pytest.raises(ValueError, match=r"of other code than this: .*smoothing"):
        Trained.load("other.ckpt")


def test_kind_of_a_task_is_what_its_class_publishes(run: Path) -> None:
    assert Trained.load("last").kind == "classification"


@pytest.mark.parametrize(
    ("task", "kind"), [(foreign.Segmentation, "segmentation"), (foreign.Regression, "")]
)
def test_foreign_module_is_loaded(task: type, kind: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    foreign.foreign_run(task)
    trained = Trained.load("last")
    assert (trained.kind, trained.data, type(trained.task)) == (kind, None, task)
    assert trained.path == Path("checkpoints/version_0/last.ckpt").resolve()
    with pytest.raises(ValueError, match="--data_dir x: the run has no data set, leave it"):
        Trained.load("last", "x")


def test_module_of_a_stranger_must_be_trusted(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    foreign.foreign_run(foreign.Regression, own=False)
    with pytest.raises(ValueError, match="--trust tests allows it"):
        Trained.load("last")
    assert isinstance(Trained.load("last", trusted="tests").task, foreign.Regression)


def test_module_that_is_not_on_the_list_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    foreign.foreign_run(BoringModel, own=False)
    with pytest.raises(ValueError, match="which is not on the list of what one may name"):
        Trained.load("last")


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
    _find_data(content, given, Run(Path("root"), 0))
    assert content["data"]["init_args"]["data_dir"] == found


def test_root_of_the_data_may_be_another_one() -> None:
    content = {"data": {"class_path": "x", "init_args": {"root": None}}}
    _find_data(content, None, Run(Path(), 0))
    assert content["data"]["init_args"] == {"root": None}
    _find_data(content, "given", Run(Path(), 0))
    assert content["data"]["init_args"] == {"root": "given"}


def test_data_without_a_run_stay_where_they_are_named() -> None:
    content: dict[str, Any] = {"data": {"class_path": "x"}}
    _find_data(content, None, None)
    assert content["data"]["init_args"] == {}
    _find_data({"data": None}, "x", None)
