"""A checkpoint whose values are not what a run writes, and what it may make a run do."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from torchmetrics import SumMetric

from src.engine.checkpoints.best_checkpoint import BestCheckpoint
from src.engine.checkpoints.checkpoint_file import WholeCheckpointIO, read_checkpoint
from src.engine.exact.epoch_metrics import give_back
from src.engine.exact.exact import make_exact
from src.engine.records.heartbeat import Heartbeat
from src.engine.records.known_metrics import KnownMetrics
from src.engine.training.target import Target
from tests.conftest import Train
from tests.engine.checkpoints.test_checkpoint_file import save, whole
from tests.test_train import refusal

WRONG = [
    ("config", None),
    ("config", "x" * 2_000_000),
    ("provenance", []),
    ("provenance.0", "x"),
    ("provenance.0.began", 3),
    ("provenance.0.git", {}),
    ("provenance.0.git.diff", ["x"]),
    ("provenance.0.inputs.threads", "1000000"),
    ("provenance.0.inputs.processes", "-1"),
    ("provenance.0.packages", {"torch": 2}),
    ("global_step", -1),
    ("global_step", 2**70),
    ("global_step", True),
    ("state_dict", {"w": 1}),
    ("state_dict", {3: torch.ones(1)}),
    ("loops", {}),
    ("loops.fit_loop.epoch_progress.current.processed", "x"),
    ("callbacks", {"Heartbeat": {"folder": "/etc"}}),
    ("optimizer_states", {}),
    ("epoch_metrics", [{"metric": {}}]),
    ("metrics", {"val/acc": "1"}),
    ("metrics", {"val/acc": 10**400}),
    ("pytorch-lightning_version", "9" * 10_000),
    ("calibration", {"temperature": "hot", "step": 1}),
]


def changed(name: str, value: Any) -> dict[str, Any]:
    content: Any = whole()
    *way, last = name.split(".")
    part = content
    for step in way:
        part = part[int(step)] if isinstance(part, list) else part[step]
    part[int(last) if isinstance(part, list) else last] = value
    return content


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_value_that_no_run_writes_is_refused(name: str, value: Any, tmp_path: Path) -> None:
    torch.save(changed(name, value), tmp_path / "x.ckpt")
    expected = rf"^[^\n]*x\.ckpt is not a checkpoint of this project: {name}[^\n]{{,99}}$"
    with pytest.raises(ValueError, match=expected):
        read_checkpoint(tmp_path / "x.ckpt")


def test_command_refuses_such_a_checkpoint(train: Train, capsys) -> None:
    torch.save(changed("provenance.0.git", 5), "x.ckpt")
    code, line = refusal(capsys, "--ckpt_path=x.ckpt")
    assert code == 2
    assert "x.ckpt is not a checkpoint of this project: provenance.0.git is of type int" in line


def test_heartbeat_takes_nothing_else_from_a_checkpoint(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path)
    heartbeat.fitting = True
    state = {"seconds": 1.0, "samples": 2, "validations": [], "folder": "/", "_write": None}
    heartbeat.load_state_dict(state)
    assert (heartbeat.folder, heartbeat.samples) == (tmp_path, 2)
    assert "_write" not in vars(heartbeat)


def test_metric_takes_nothing_else_from_a_checkpoint() -> None:
    metric = SumMetric()
    state = {"updates": 1, "sum_value": torch.tensor(3.0), "compute": None, "_device": "x"}
    give_back(torch.nn.ModuleDict({"m": metric}), {"m": state})
    assert metric.compute() == 3


def test_target_takes_no_other_figure_from_a_checkpoint(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path)
    heartbeat.fitting = True
    target = Target("val/acc=0.9", heartbeat, KnownMetrics(None))
    reached = {"test/acc": 1.0, "to_target_s": 3.0}
    target.load_state_dict({"metric": "val/acc", "value": 0.9, "reached": reached})
    assert target.reached == {"to_target_s": 3.0}


@pytest.mark.parametrize("state", [{}, {"best_model_path": 3}, {"best_model_path": "best.ckpt"}])
def test_best_state_that_no_run_wrote_is_not_remembered(state: dict[str, Any]) -> None:
    best = BestCheckpoint()
    best.load_state_dict(state)
    assert best.best_model_path == ""


def checkpoint_io(folder: Path) -> WholeCheckpointIO:
    """Reader and writer of a run that has just saved a state."""
    io = WholeCheckpointIO(lambda: [folder])
    folder.mkdir(exist_ok=True)
    io.save_checkpoint(whole(), folder / "now.ckpt")
    return io


def test_own_checkpoint_is_removed(tmp_path: Path) -> None:
    io = checkpoint_io(tmp_path / "run")
    io.remove_checkpoint(tmp_path / "run" / "now.ckpt")
    io.remove_checkpoint(tmp_path / "run" / "gone.ckpt")
    assert not (tmp_path / "run" / "now.ckpt").exists()


@pytest.mark.parametrize(
    "name", ["../other.ckpt", "notes.txt", "link.ckpt", "foreign.ckpt", "text.ckpt", "folder.ckpt"]
)
def test_nothing_else_is_removed(name: str, tmp_path: Path, capsys) -> None:
    io, run = checkpoint_io(tmp_path / "run"), tmp_path / "run"
    save(tmp_path / "other.ckpt")
    save(run / "foreign.ckpt", began="2020-01-01")
    (run / "link.ckpt").symlink_to(tmp_path / "other.ckpt")
    (run / "folder.ckpt").mkdir()
    for file in ("notes.txt", "text.ckpt"):
        (run / file).touch()
    io.remove_checkpoint(f"{run}/{name}")
    assert (run / name).exists()
    assert (tmp_path / "other.ckpt").exists()
    assert "was not removed: it is no checkpoint of this run" in capsys.readouterr().err


def test_trainer_removes_only_in_folders_of_its_callbacks(tmp_path: Path) -> None:
    best = BestCheckpoint()
    best.dirpath = str(tmp_path)
    trainer = Trainer(accelerator="cpu", logger=False, callbacks=[best])
    make_exact(trainer)
    io = trainer.strategy.checkpoint_io
    (tmp_path / "x").mkdir()
    for file in (tmp_path / "a.ckpt", tmp_path / "x" / "b.ckpt"):
        io.save_checkpoint(whole(), file)
        io.remove_checkpoint(file)
    assert [file.name for file in tmp_path.rglob("*.ckpt")] == ["b.ckpt"]


def test_resumed_run_removes_nothing_that_its_checkpoint_names(train: Train) -> None:
    """Lightning asks whether a file is below its folder before it follows `..`."""
    words = "--trainer.callbacks=ModelCheckpoint", "--trainer.callbacks.monitor=val/loss"
    words += "--trainer.callbacks.dirpath=kept", "--trainer.callbacks.filename={step}"
    train("--trainer.max_epochs=1", *words)
    outside = save(Path("outside.ckpt").resolve())
    source = Path("checkpoints/version_0/last.ckpt")
    content = torch.load(source, weights_only=True)
    (state,) = [each for key, each in content["callbacks"].items() if key[:5] == "Model"]
    named = f"{Path('kept').resolve()}/../{outside.name}"
    worst = torch.tensor(9e9)
    state |= {"best_model_path": named, "kth_best_model_path": named, "kth_value": worst}
    state["best_k_models"] = {named: worst}
    torch.save(content, source)
    train(f"--ckpt_path={source}", "--trainer.max_epochs=2", *words)
    assert outside.exists()
