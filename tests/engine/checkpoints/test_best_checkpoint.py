import json
import math
from pathlib import Path
from types import SimpleNamespace as Fake
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from src.engine.checkpoints.best_checkpoint import BestCheckpoint, _is_remembered
from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.engine.records.known_metrics import KnownMetrics
from src.engine.records.metric import Metric
from src.tasks import ClassificationTask
from src.train import main
from tests.conftest import Train
from tests.engine.checkpoints.test_checkpoint_file import whole
from tests.test_train import refusal_of

FILES = "best_model_path", "kth_best_model_path", "last_model_path"


def test_best_state_can_be_resumed_exactly(finished: Train) -> None:
    finished("--trainer.max_epochs=1")
    state = read_checkpoint("checkpoints/version_0/best.ckpt")
    assert state["exact"]
    assert state["metrics"]["val/acc"] > 0


def test_best_weights_are_those_that_were_validated(train: Train, capsys) -> None:
    inside = "--trainer.val_check_interval=3", "--trainer.accumulate_grad_batches=2"
    train("--trainer.max_epochs=1", "--trainer.limit_train_batches=4", *inside)
    state = read_checkpoint("checkpoints/version_0/best.ckpt")
    assert state["global_step"] == 1  # validated after three batches, before the second step
    assert not state["exact"]
    main(["--ckpt_path=checkpoints/version_0/best.ckpt", "--trainer.max_epochs=2"])
    assert "note: this state was saved inside a step" in capsys.readouterr().err


def test_last_validated_state_is_taken_where_asked(train: Train) -> None:
    worse = "--model.scheduler=null", "--model.optimizer.lr=0.", "--best.mode=last"
    train("--trainer.max_epochs=2", *worse)  # all equal: the highest would be the first
    assert read_checkpoint("checkpoints/version_0/best.ckpt")["global_step"] == 22
    main(["--ckpt_path=checkpoints/version_0", "--trainer.max_epochs=3"])
    best = read_checkpoint("checkpoints/version_0/best.ckpt")
    assert best["global_step"] == 33
    metrics = json.loads(Path("lightning_logs/version_0/metrics.json").read_text())
    assert metrics["val/acc_best"] == best["metrics"]["val/acc"]


def chosen(*words: Any, task: object = None) -> BestCheckpoint:
    """Best checkpoint of a run with that task."""
    best = BestCheckpoint(*words)
    best.choose(KnownMetrics(task))
    return best


def remembered(folder: Path) -> BestCheckpoint:
    """What a run remembers whose best state, of step 7, is in a folder."""
    best = chosen("val/acc", "max")
    best.dirpath, path = str(folder), str(folder / "best.ckpt")
    best.best_model_path = best.kth_best_model_path = path
    best.best_model_score = best.kth_value = torch.tensor(0.5)
    best.best_k_models = {path: torch.tensor(0.5)}
    best._best_step = 7
    return best


@pytest.mark.parametrize(("step", "score", "kept"), [(7, 0.5, True), (9, 0.5, False), (7, 0.6, 0)])
def test_memory_of_the_best_moves_with_its_file(
    finished: Train, step: int, score: float, kept: bool
) -> None:
    finished("--trainer.max_epochs=1")
    content = torch.load("checkpoints/version_0/best.ckpt", weights_only=True)
    Path("moved").mkdir()
    content |= {"global_step": step, "metrics": {"val/acc": score}}
    torch.save(content, "moved/best.ckpt")
    moved = chosen(task=ClassificationTask)
    moved.dirpath = "moved"
    moved.load_state_dict(remembered(Path("/gone")).state_dict())
    assert moved.best_model_path == ("moved/best.ckpt" if kept else "")
    assert (moved.best_model_score == 0.5) if kept else moved.best_model_score is None


def test_best_of_an_abandoned_branch_is_forgotten(train: Train) -> None:
    constant = "--model.scheduler=null", "--best.monitor=val/loss", "--best.mode=min"
    train("--trainer.max_epochs=1", *constant)
    Path("checkpoints/version_0/last.ckpt").rename("early.ckpt")
    train("--trainer.max_epochs=4", *constant)
    Path("early.ckpt").rename("checkpoints/version_1/early.ckpt")
    main(
        [
            "--ckpt_path=checkpoints/version_1/early.ckpt",
            "--trainer.max_epochs=2",
            "--model.optimizer.lr=9.",
        ]
    )
    best = read_checkpoint("checkpoints/version_1/best.ckpt")
    assert best["global_step"] == 22
    assert len(best["provenance"]) == 2


def test_state_that_was_validated_is_saved_once(monkeypatch) -> None:
    best, saved = chosen("val/acc"), []
    monkeypatch.setattr(ModelCheckpoint, "on_validation_end", lambda _, *words: saved.append(words))
    trainer = Fake(sanity_checking=True, lightning_module="task", callback_metrics={"val/acc": 1})
    best.on_validation_end(trainer, None)
    best.save_if_validated(trainer, True)
    trainer.sanity_checking = False
    best.on_validation_end(trainer, None)
    assert saved == []
    for _ in range(2):
        best.save_if_validated(trainer, True)
    assert saved == [(trainer, "task")]


def test_step_of_the_best_state_is_remembered(monkeypatch) -> None:
    best, saved = BestCheckpoint(), []
    monkeypatch.setattr(ModelCheckpoint, "_save_checkpoint", lambda _, *words: saved.append(words))
    assert best.state_dict()["best_step"] == 0
    trainer = Fake(global_step=7)
    best._save_checkpoint(trainer, "file")
    assert (best.state_dict()["best_step"], saved) == (7, [(trainer, "file")])


def test_best_is_told_by_its_mode() -> None:
    assert {mode: BestCheckpoint(mode=mode).mode for mode in ("max", "min", "last")} == {
        **{"max": "max", "min": "min", "last": "max"}
    }
    best = BestCheckpoint()
    assert (best.monitor, best.filename, best._enable_version_counter) == (None, "best", False)
    assert best._save_on_train_epoch_end is False
    assert BestCheckpoint(mode="last").check_monitor_top_k(None, torch.tensor(0.0))


@pytest.mark.parametrize(
    ("testing", "content", "loads"),
    [
        (True, {"current_model_state": {}, "state_dict": "w"}, True),
        (False, {"current_model_state": {}, "state_dict": "w"}, False),
        (True, {"state_dict": "w"}, False),
    ],
)
def test_averaged_weights_are_those_that_are_tested(testing: bool, content: dict, loads) -> None:
    loaded = []
    task = Fake(load_state_dict=loaded.append)
    BestCheckpoint().on_load_checkpoint(Fake(testing=testing), task, content)
    assert loaded == ["w"] * loads


@pytest.mark.parametrize(
    ("step", "metrics", "same"),
    [
        (7, {"val/acc": 0.5}, True),
        (8, {"val/acc": 0.5}, False),
        (7, {"val/acc": 0.25}, False),
        (7, {}, False),
    ],
)
def test_best_state_is_known_by_step_and_score(
    tmp_path: Path, step: int, metrics: dict, same: bool
) -> None:
    torch.save(whole(step) | {"metrics": metrics}, tmp_path / "best.ckpt")
    state = remembered(Path("/gone")).state_dict()
    assert _is_remembered(tmp_path / "best.ckpt", state) is same
    assert not _is_remembered(tmp_path / "none.ckpt", state)
    best = chosen("val/acc", "max")
    best.dirpath = str(tmp_path)
    best.load_state_dict({**state, "last_model_path": ""})
    path = str(tmp_path / "best.ckpt")
    assert best.best_model_path == best.kth_best_model_path == (path if same else "")
    assert best.last_model_path == ""
    assert best._best_step == (7 if same else 0)
    assert best.best_k_models == ({path: torch.tensor(0.5)} if same else {})


def test_memory_that_no_run_wrote_is_left_alone(tmp_path: Path) -> None:
    best = BestCheckpoint()
    best.load_state_dict({"best_model_path": 3})
    assert best.best_model_path == ""


def test_metric_and_mode_are_those_of_the_task_unless_they_are_given() -> None:
    best = chosen(task=ClassificationTask)
    assert (best.metric, best.mode) == (Metric("val/acc", "max", "percent"), "max")
    best = chosen("val/loss", task=ClassificationTask)
    assert (best.metric, best.mode, best.kth_value) == (Metric("val/loss", "min"), "min", math.inf)
    best = chosen("val/f1", "min", task=ClassificationTask)
    assert (best.metric, best.mode) == (Metric("val/f1", "min"), "min")
    best = chosen("val/f1", "last-min", task=ClassificationTask)
    assert (best.metric, best.mode) == (Metric("val/f1", "min"), "min")
    assert best.check_monitor_top_k(None, torch.tensor(9.0))
    best = chosen("val/loss", "last", task=ClassificationTask)
    assert best.check_monitor_top_k(None, torch.tensor(9.0))
    assert chosen().metric is chosen("val/x").metric is BestCheckpoint("val/x").metric is None


@pytest.mark.parametrize(
    ("monitor", "mode", "best"),
    [
        ("val/loss", "max", "lowest"),
        (None, "min", "highest"),
    ],
)
def test_worst_state_is_refused(monitor: str | None, mode: str, best: str) -> None:
    said = f"^--best.mode {mode}: of {monitor or 'val/acc'} the {best} value is best$"
    with pytest.raises(ValueError, match=said):
        chosen(monitor, mode, task=ClassificationTask)


def test_worst_state_is_refused_in_one_line(train: Train, capsys) -> None:
    words = "--best.monitor=val/loss", "--best.mode=max"
    code, line = refusal_of(capsys, lambda: train("--trainer.max_epochs=1", *words))
    assert (code, line) == (2, "error: --best.mode max: of val/loss the lowest value is best")
    assert not Path("checkpoints").exists()


def test_lowest_loss_is_kept(train: Train, capsys) -> None:
    words = "--best.monitor=val/loss", "--model.scheduler=null", "--model.optimizer.lr=0.001"
    metrics = train("--trainer.max_epochs=3", *words)
    assert "no metric" not in capsys.readouterr().err
    assert metrics["val/loss_best"] == metrics["val/loss"]
    assert read_checkpoint("checkpoints/version_0/best.ckpt")["global_step"] == 33


def test_state_is_found_before_and_after_its_mode_is_known(tmp_path: Path) -> None:
    best = chosen("val/x")
    before = best.state_key
    best._known.say("val/x", "min")
    best._take_mode()
    assert (best.mode, best.state_key, best.state_dict()["mode"]) == ("min", before, "min")
    again = chosen("val/x")
    again.load_state_dict(best.state_dict() | dict.fromkeys(FILES, ""))
    assert (again.metric, again.mode, again.state_key) == (Metric("val/x", "min"), "min", before)


def test_state_of_an_older_run_has_the_same_key() -> None:
    key = (
        "BestCheckpoint{'monitor': 'val/acc', 'mode': 'max', 'every_n_train_steps': 0, "
        "'every_n_epochs': 1, 'train_time_interval': None}"
    )
    assert chosen(task=ClassificationTask).state_key == key
    assert chosen("val/acc", "max", task=ClassificationTask).state_key == key
    lowest = chosen("val/loss", "min", task=ClassificationTask).state_key
    assert lowest == key.replace("acc", "loss").replace("max", "min")


def test_run_of_before_metrics_were_recorded_goes_on_with_its_best_state(train: Train) -> None:
    train("--trainer.max_epochs=2", "--best.monitor=val/acc", "--best.mode=max")
    last = Path("checkpoints/version_0/last.ckpt")
    content = torch.load(last, weights_only=True)
    (key,) = [key for key in content["callbacks"] if key.startswith("BestCheckpoint")]
    del content["callbacks"][key]["mode"]
    torch.save(content, last)
    best = read_checkpoint("checkpoints/version_0/best.ckpt")
    main(["--ckpt_path=last", "--trainer.max_epochs=3", "--model.label_smoothing=1"])
    again = read_checkpoint("checkpoints/version_0/best.ckpt")
    assert (again["global_step"], again["metrics"]) == (best["global_step"], best["metrics"])


def test_run_without_a_metric_has_no_best_state_and_tests_its_last_one(train, capsys) -> None:
    metrics = train("--model=tests.rmse_task.RmseTask", "--trainer.max_epochs=2")
    said = (
        "note: no metric says which state is best (--best.monitor would): the last state is tested"
    )
    assert said in capsys.readouterr().err
    states = {file.name for file in Path("checkpoints/version_0").iterdir()}
    assert states == {"last.ckpt", "previous.ckpt", "model.pt"}
    assert not any(name.endswith("_best") for name in metrics)
    weights = torch.load("checkpoints/version_0/model.pt", weights_only=True)
    last = read_checkpoint("checkpoints/version_0/last.ckpt")["state_dict"]
    assert torch.equal(weights["weight"], last["network.weight"])
    assert metrics["test/rmse"] > 0


def test_last_state_is_kept_where_no_metric_is_known(train: Train, capsys) -> None:
    train("--model=tests.rmse_task.RmseTask", "--trainer.max_epochs=2", "--best.mode=last")
    assert "no metric" not in capsys.readouterr().err
    assert read_checkpoint("checkpoints/version_0/best.ckpt")["global_step"] == 22
