import json
from pathlib import Path
from types import SimpleNamespace as Fake

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from src.experiment.best_checkpoint import BestCheckpoint, _is_remembered
from src.experiment.checkpoint_file import read_checkpoint
from src.train import main
from tests.conftest import Train
from tests.experiment.test_checkpoint_file import whole


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


def remembered(folder: Path) -> BestCheckpoint:
    """What a run remembers whose best state, of step 7, is in a folder."""
    best = BestCheckpoint()
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
    moved = BestCheckpoint()
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
    best, saved = BestCheckpoint(), []
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
    assert (best.monitor, best.filename, best._enable_version_counter) == ("val/acc", "best", False)
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
    best = BestCheckpoint()
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
