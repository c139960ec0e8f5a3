"""What each command makes of a run whose module knows nothing of this project."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.demos.boring_classes import BoringDataModule, BoringModel

from src import demo, evaluate, export, label_errors, predict, runs
from src.deployment.deployed import KINDS
from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.engine.files.reading import file_digest
from src.engine.records.ledger import looks
from tests import foreign
from tests.foreign import foreign_run
from tests.test_train import refusal_of

SERVED_BY_EVALUATE_ALONE = [predict, export, demo, label_errors]
MODULES: dict[str, tuple[Any, Any]] = {
    "demonstration": (BoringModel, BoringDataModule),
    "without_data": (BoringModel, None),
    "autoencoder": (foreign.Autoencoder, BoringDataModule),
    "regression": (foreign.Regression, None),
    "segmentation": (foreign.Segmentation, None),
    "language_model": (foreign.LanguageModel, foreign.TokensDataModule),
}
# The only value that each logs in a test of this untrained state, or None.
LOGGED = {"regression": "test/rmse", "segmentation": "iou", "language_model": "perplexity"}
SUMMARY = Path("lightning_logs/version_0/evaluation/last_test/summary.json")

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers", "ignore:.*treespec, LeafSpec"
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def files() -> list[Path]:
    return sorted(Path().rglob("*"))


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("verb", SERVED_BY_EVALUATE_ALONE, ids=lambda verb: verb.__name__)
def test_command_for_images_refuses_other_modules(verb, module: str, capsys) -> None:
    foreign_run(*MODULES[module])
    before = files()
    name = verb.__name__.removeprefix("src.")
    more = ["x.png"] if name == "predict" else []
    code, line = refusal_of(capsys, lambda: verb.main(["last", *more]))
    assert code == 2
    served = ", ".join(KINDS) if verb is export else "classification of images"
    start = f"error: python -m {verb.__name__} serves {served}: checkpoints/"
    assert line.startswith(f"{start}version_0/last.ckpt holds {MODULES[module][0].__name__}, which")
    assert line.strip().endswith("; python -m src.evaluate serves every run")
    assert files() == before


@pytest.mark.parametrize("module", LOGGED)
def test_module_is_evaluated_by_what_it_logs(module: str, capsys) -> None:
    checkpoint = foreign_run(*MODULES[module])
    before = files()
    evaluate.main(["last"])
    found = json.loads(SUMMARY.read_text())
    assert [*found["metrics"]] == [LOGGED[module]]
    assert (found["split"], found["sha256"]) == ("test", file_digest(checkpoint))
    (look,) = looks(Path())
    assert (look["by"], look["metrics"]) == ("src.evaluate", found["metrics"])
    new = {file for file in files() if file not in before and file.is_file()}
    assert new == {SUMMARY, Path("lightning_logs/test_looks.jsonl")}
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"checkpoint     {checkpoint}, step 1"
    assert f"{LOGGED[module]:<13}  {found['metrics'][LOGGED[module]]:.6g}" in lines
    assert not any(word in line for line in lines for word in ("accuracy", "precision", "%"))


@pytest.mark.parametrize("module", [foreign.Regression, foreign.Late])
def test_numbers_are_those_of_the_module(module: type[foreign.Regression]) -> None:
    checkpoint = read_checkpoint(foreign_run(module))
    task = module()
    task.configure_model()
    task.load_state_dict(checkpoint["state_dict"])
    x, y = foreign.points().tensors
    evaluate.main(["last", "--split=val", "--out=there"])
    found = json.loads(Path("there/summary.json").read_text())["metrics"]
    with torch.no_grad():
        assert found == {"val/rmse": pytest.approx((task.line(x) - y).square().mean().sqrt())}
    assert looks(Path()) == []  # at the test samples


@pytest.mark.parametrize("module", ["demonstration", "without_data"])
def test_module_that_logs_nothing_gets_no_number(module: str, capsys) -> None:
    foreign_run(*MODULES[module])
    evaluate.main(["last"])
    assert json.loads(SUMMARY.read_text())["metrics"] == {}
    assert "logged         nothing: no self.log in test_step" in capsys.readouterr().out
    assert looks(Path()) == []


def test_value_that_is_no_number_is_shown_as_one(capsys) -> None:
    foreign_run(foreign.Diverged)
    evaluate.main(["last"])
    assert json.loads(SUMMARY.read_text())["metrics"] == {"test/rmse": None}
    assert "test/rmse      nan" in capsys.readouterr().out


def test_random_data_are_the_same_each_time() -> None:
    foreign_run(foreign.Measured, BoringDataModule)
    found = []
    for name in ("one", "two"):
        torch.rand(3)
        evaluate.main(["last", f"--out={name}"])
        found.append(Path(name, "summary.json").read_text())
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("module", "words", "reason"),
    [
        ("autoencoder", ["--split=test"], "Autoencoder has no test_step"),
        ("autoencoder", ["--split=train"], "Autoencoder logs what it measures on test or val"),
        ("segmentation", ["--split=val"], "Segmentation has no validation_step"),
        ("regression", ["--projector"], "--projector works for classification of images only"),
        ("regression", ["--data_dir=x"], "the run has no data set"),
    ],
)
def test_what_a_module_cannot_tell_is_refused(module: str, words, reason: str, capsys) -> None:
    foreign_run(*MODULES[module])
    before = files()
    code, line = refusal_of(capsys, lambda: evaluate.main(["last", *words]))
    assert code == 2
    assert reason in line
    assert files() == before


def test_classification_without_splits_tells_what_it_logs(capsys) -> None:
    from src.tasks import ClassificationTask
    from tests.one_layer import OneLayer

    network = {"class_path": "tests.one_layer.OneLayer", "init_args": {}}
    made = lambda: ClassificationTask(OneLayer((1, 28, 28), 10))  # noqa: E731
    made.__module__, made.__qualname__ = ClassificationTask.__module__, "ClassificationTask"
    foreign_run(made, foreign.Loaders, {"network": network})
    evaluate.main(["last"])
    found = json.loads(SUMMARY.read_text())["metrics"]
    assert set(found) == {"test/loss", "test/acc"}
    assert "note: only what ClassificationTask logs is shown" in capsys.readouterr().err
    code, line = refusal_of(capsys, lambda: predict.main(["last", "x.png"]))
    assert code == 2
    assert "which gets its images from Loaders, without `splits`" in line


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("words", [["ls"], ["show", "version_0"]], ids=lambda words: words[0])
def test_runs_of_any_module_are_listed(words: list[str], module: str, capsys) -> None:
    foreign_run(*MODULES[module])
    runs.main(words)
    said = capsys.readouterr().out
    assert "version_0" in said
    assert MODULES[module][0].__name__ in said or words == ["ls"]
