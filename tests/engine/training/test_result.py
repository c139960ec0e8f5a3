import json
from pathlib import Path
from types import SimpleNamespace as Fake

import numpy as np
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import Tensor

from src.engine.files.reading import file_digest
from src.engine.files.run import Run
from src.engine.records.ledger import looks
from src.engine.records.totals import Totals
from src.engine.training.result import _longer, _summary, finish
from src.tasks import ClassificationTask
from src.train import main
from tests.conftest import Train

SESSION = {
    **{"began": "b", "from_step": 0, "command": "c", "packages": {}},
    "git": {"commit": "", "status": "", "diff": "", "carries": "2 files"},
    "inputs": {"threads": "1", "processes": "1"},
}
METRICS = {
    **{"epochs": 2, "steps": 1200, "startup_s": 1.25, "fit_s": 3.5, "train/samples_per_s": 1234.5},
    **{"test/acc": 0.5, "test_samples": 1000, "test_s": 2.0, "val/acc_best": 0.98765},
    **{"to_target_s": 1.5, "to_target_steps": 1000, "to_target_samples": 20_000},
}


class Spy(TensorBoardLogger):
    """Keeps what it is told."""

    log_dir, hparams = "", None

    def __init__(self, folder: Path) -> None:
        self.log_dir, self.hparams, self.calls = str(folder), {"lr": 0.1}, []

    def log_hyperparams(self, *words) -> None:
        self.calls.append(words)

    def finalize(self, status: str) -> None:
        self.calls.append(status)


@pytest.fixture
def run(tmp_path: Path, monkeypatch) -> Run:
    monkeypatch.chdir(tmp_path)
    run = Run.new(tmp_path)
    (run.log_dir / "config.yaml").write_text("seed_everything: 5\n")
    (run.log_dir / "provenance.json").write_text(json.dumps([SESSION, SESSION]))
    return run


def command_of(run: Run, **parts) -> Fake:
    """A command that has trained and tested."""
    best = Fake(best_model_score=torch.tensor(0.75), monitor="val/acc", best_model_path="")
    best.takes_last = False
    trainer = Fake(loggers=[], global_step=1200, max_epochs=2, max_steps=-1, current_epoch=2)
    vars(trainer).update(is_global_zero=True, callbacks=[], logged_metrics={})
    model = Fake(network=torch.nn.Linear(1, 1))
    config = Fake(trainer=Fake(max_time=None), target=None)
    parts = {
        "target": None,
        "ended_early": "",
        "heartbeat": None,
        "best": best,
        "trainer": trainer,
    } | parts
    return Fake(**{"run": run, "model": model, "config": config} | parts)


def totals_of(**metrics) -> Totals:
    totals = Totals(started=0.0)
    totals.metrics = {"epochs": 2, "steps": 1200, **metrics}
    return totals


def account_of_test() -> Totals:
    totals = totals_of(test_s=1.0, test_samples=60, **{"test/acc": 0.5, "train/loss": 1.0})
    totals.tested = {"test/acc": 0.5}
    return totals


def test_table_tells_all_that_a_run_reached_and_left(run: Run) -> None:
    for name in ("last.ckpt", "best.ckpt"):
        (run.checkpoint_dir / name).touch()
    for name in ("events.out", "b.png", "a.png"):
        (run.log_dir / name).touch()
    more = "--trainer.max_epochs 4", "val/acc=0.9"
    text = _summary(run, run.log_dir, METRICS, *more, outcome={"test": "said elsewhere"})
    lines = text.splitlines()
    command = lines.pop().split()
    assert command[0] == "continue"
    assert command[2:] == (
        ["-m", "src.train", "--ckpt_path", "checkpoints/version_0", "--trainer.max_epochs", "4"]
    )
    curves = lines.pop()
    assert curves.startswith("see curves     ")
    assert curves.endswith(" -m tensorboard.main --logdir lightning_logs")
    assert lines == [
        "test           said elsewhere",
        "best state     val/acc 0.9877",
        "training       1,200 steps in 2 epochs, 1,234 samples/s",
        "target         val/acc=0.9 reached in 1.5 s, 1,000 steps, 20,000 samples",
        "seconds        1.2 startup, 3.5 fit, 2.0 test",
        "weights        checkpoints/version_0/model.pt",
        "checkpoints    checkpoints/version_0/best.ckpt, last.ckpt",
        "they carry     uncommitted changes, 2 files",
        "records        lightning_logs/version_0/config.yaml, metrics.json, provenance.json",
        "pictures       lightning_logs/version_0/a.png, b.png",
    ]


def test_table_of_a_run_that_left_little_is_short(run: Run) -> None:
    lines = _summary(
        run, run.log_dir, {"epochs": 1, "steps": 3, "fit_s": 0.5}, "", "val/acc=0.9"
    ).splitlines()
    assert lines == [
        "training       3 steps in 1 epoch",
        "target         val/acc=0.9 not reached",
        "seconds        0.5 fit",
        "weights        checkpoints/version_0/model.pt",
        "records        lightning_logs/version_0/config.yaml, metrics.json, provenance.json",
    ]


@pytest.mark.parametrize(
    ("epochs", "steps", "timed", "options"),
    [
        (3, -1, False, "--trainer.max_epochs 6"),
        (None, 1, False, "--trainer.max_steps 2"),
        (3, 0, False, "--trainer.max_epochs 6"),
        (3, 10, False, "--trainer.max_epochs 6 --trainer.max_steps 20"),
        (-1, -1, True, "--trainer.max_epochs 14 --trainer.max_time null"),
        (3, -1, True, "--trainer.max_epochs 6 --trainer.max_time null"),
    ],
)
def test_options_double_the_length(epochs, steps: int, timed: bool, options: str) -> None:
    trainer = Fake(max_epochs=epochs, max_steps=steps, current_epoch=7)
    assert _longer(trainer, timed) == options


def test_figures_of_a_run_are_of_all_its_sessions(run: Run) -> None:
    (run.log_dir / "traceback.txt").touch()
    parts = {"target": Fake(reached={"to_target_s": 1.5}), "heartbeat": Fake(seconds_before=2.0)}
    table = finish(command_of(run, **parts), totals_of(fit_s=3.0, loss=float("inf")))
    text = (run.log_dir / "metrics.json").read_text()
    figures = {"epochs": 2, "fit_s": 5.0, "loss": None, "steps": 1200, "to_target_s": 1.5}
    assert text == json.dumps(figures | {"val/acc_best": 0.75}, indent=2) + "\n"
    assert "best state     val/acc 0.7500\n" in table
    assert "seconds        5.0 fit\n" in table
    last = command_of(run)
    last.best.takes_last = True
    assert "last state     val/acc 0.7500\n" in finish(last, totals_of())
    assert not (run.log_dir / "traceback.txt").exists()
    assert looks(run.root) == []


def test_seconds_before_are_kept_by_a_session_without_a_step(run: Run) -> None:
    finish(command_of(run, heartbeat=Fake(seconds_before=2.0)), totals_of())
    assert json.loads((run.log_dir / "metrics.json").read_text())["fit_s"] == 2.0


def test_network_and_predictions_are_saved_and_old_ones_removed(run: Run) -> None:
    totals, command = totals_of(), command_of(run)
    totals.outputs = {"prediction": torch.tensor([1, 2]), "label": torch.tensor([1, 3])}
    finish(command, totals)
    saved = torch.load(run.checkpoint_dir / "model.pt", weights_only=True)
    assert torch.equal(saved["weight"], command.model.network.weight)
    with np.load(run.log_dir / "predictions.npz") as arrays:
        assert {name: arrays[name].tolist() for name in arrays} == {
            "prediction": [1, 2],
            "label": [1, 3],
        }
    totals.outputs = {}
    finish(command, totals)
    finish(command, totals)
    assert not (run.log_dir / "predictions.npz").exists()


@pytest.mark.parametrize("kept", [True, False])
def test_test_is_written_into_the_ledger(run: Run, kept: bool) -> None:
    command, best = command_of(run), run.checkpoint_dir / "best.ckpt"
    best.write_bytes(b"state")
    command.best.best_model_path = str(best) if kept else ""
    overview = {"seed": 5, "commit": "c0", "config": "digest"}
    (run.log_dir / "run.json").write_text(json.dumps(overview))
    finish(command, account_of_test())
    (look,) = looks(run.root)
    assert look.pop("when")
    assert look == overview | {
        **{"by": "src.train", "run": "version_0", "metrics": {"test/acc": 0.5}, "samples": 60},
        "network": file_digest(best) if kept else "version_0, untold",
    }


def test_no_figure_is_kept_of_a_look_that_is_not_counted(run: Run) -> None:
    (run.root / "lightning_logs" / "test_looks.jsonl").mkdir()
    with pytest.raises(OSError, match="cannot be written down"):
        finish(command_of(run), account_of_test())
    assert not (run.log_dir / "metrics.json").exists()
    assert not (run.log_dir / "predictions.npz").exists()
    finish(command_of(run), totals_of())  # without a test


def test_loggers_get_what_is_compared_and_the_first_one_has_the_pictures(run: Run) -> None:
    first, second = (Spy(run.root / "elsewhere" / name) for name in ("first", "second"))
    for name in ("first", "second"):
        (run.root / "elsewhere" / name).mkdir(parents=True)
        (run.root / "elsewhere" / name / f"{name}.png").touch()
    command = command_of(run)
    command.trainer.loggers = [first, CSVLogger(run.root), second]
    table = finish(command, account_of_test())
    compared = {"test/acc": 0.5, "val/acc_best": 0.75}
    assert first.calls == second.calls == [({"lr": 0.1}, compared, 1200), "success"]
    assert "pictures       elsewhere/first/first.png" in table.splitlines()


def test_time_limit_is_named_where_training_goes_on(run: Run) -> None:
    (run.checkpoint_dir / "last.ckpt").touch()
    command = command_of(run)
    command.config.trainer.max_time = "00:00:01:00"
    command.best.best_model_score = None
    table = finish(command, totals_of())
    assert table.endswith("--trainer.max_epochs 4 --trainer.max_time null")
    assert "best state" not in table


def test_reason_of_an_early_end_is_told(train: Train, capsys) -> None:
    stop = "EarlyStopping", "monitor=val/acc", "mode=max", "min_delta=1", "patience=1"
    words = "--trainer.callbacks=" + stop[0], *(f"--trainer.callbacks.{word}" for word in stop[1:])
    assert train("--trainer.max_epochs=9", *words)["epochs"] == 2
    told = "ended early    Monitored metric val/acc did not improve in the last 1 records. Best"
    assert told in capsys.readouterr().out
    main(["--ckpt_path=last", "--trainer.max_epochs=3", "--trainer.callbacks.patience=5"])
    assert "ended early" not in capsys.readouterr().out


def test_figures_are_json_when_one_is_infinite(train: Train, monkeypatch) -> None:
    original = ClassificationTask.test_step

    def test_step(self: ClassificationTask, *args) -> Tensor:
        logits = original(self, *args)
        self.test_metrics.loss.add_(torch.inf)
        return logits

    monkeypatch.setattr(ClassificationTask, "test_step", test_step)
    metrics = train("--trainer.max_epochs=1")
    assert metrics["test/loss"] is None
    assert "NaN" not in Path("lightning_logs/version_0/metrics.json").read_text()


def test_hparams_reach_the_disk_before_the_process_ends(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    for name in ("log_hyperparams", "finalize"):
        original = getattr(TensorBoardLogger, name)

        def spy(logger, *args, original=original, name=name) -> None:
            calls.append(name)
            original(logger, *args)

        monkeypatch.setattr(TensorBoardLogger, name, spy)
    train("--trainer.max_epochs=1")
    assert calls[-2:] == ["log_hyperparams", "finalize"]


def test_what_a_module_logged_in_its_test_is_told(run: Run) -> None:
    totals = totals_of(test_s=1.0, test_samples=1500, **{"test/rmse": 0.25, "loss": 2.0})
    totals.tested = {"test/rmse": 0.25, "loss": 2.0}
    assert "test           rmse 0.25, loss 2 (1,500 samples)\n" in finish(command_of(run), totals)
    del totals.metrics["test_samples"]
    assert "test           rmse 0.25, loss 2\n" in finish(command_of(run), totals)


def test_whole_module_is_saved_if_it_has_no_network(run: Run) -> None:
    command = command_of(run, model=torch.nn.Linear(1, 1))
    finish(command, totals_of())
    saved = torch.load(run.checkpoint_dir / "model.pt", weights_only=True)
    assert set(saved) == {"weight", "bias"}
