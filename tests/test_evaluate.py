"""`python -m src.evaluate` as a user types it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from src.evaluate import main
from tests.conftest import Train
from tests.test_train import refusal_of

FOLDER = Path("lightning_logs/version_0/evaluation/best_test")


def test_run_is_evaluated_as_it_was_tested(finished: Train, capsys) -> None:
    metrics = finished("--trainer.max_epochs=1")
    main(["last"])
    summary = json.loads((FOLDER / "summary.json").read_text())
    assert summary["accuracy"]["share"] == pytest.approx(metrics["test/acc"])
    assert summary["loss"] == pytest.approx(metrics["test/loss"], rel=1e-5)
    names = {"confusion.png", "reliability.png", "precision_recall.png", "mistakes.png"}
    assert {file.name for file in FOLDER.iterdir()} == names | {"predictions.npz", "summary.json"}
    assert [*Path("lightning_logs/version_0").glob("events*.evaluation.test")]
    assert f"test accuracy  {metrics['test/acc']:.2%}" in capsys.readouterr().out


def test_temperature_is_fitted_without_the_test(train: Train, finished: Train, monkeypatch) -> None:
    finished("--trainer.max_epochs=1", "--trainer.callbacks=Temperature")
    saved = torch.load("checkpoints/version_0/best.ckpt", weights_only=True)["calibration"]
    main(["last"])
    train("--trainer.max_epochs=1")  # it keeps none: evaluation fits it on the same images
    main(["last"])
    for number in (0, 1):
        folder = Path(f"lightning_logs/version_{number}/evaluation/best_test")
        fitted = json.loads((folder / "summary.json").read_text())["temperature"]
        assert fitted == pytest.approx(saved["temperature"], rel=1e-3)


@pytest.mark.parametrize(("split", "count"), [("val", 20), ("train", 220)])
def test_other_splits_can_be_asked_for(finished: Train, split: str, count: int) -> None:
    finished("--trainer.max_epochs=1")
    main(["last", f"--split={split}", "--out=here"])
    assert len(np.load("here/predictions.npz")["label"]) == count


def test_moved_file_is_evaluated_into_this_folder(finished: Train, tmp_path, monkeypatch) -> None:
    finished("--trainer.max_epochs=1")
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    Path("checkpoints/version_0/best.ckpt").rename(moved / "mine.ckpt")
    monkeypatch.chdir(moved)
    main(["mine.ckpt", f"--data_dir={tmp_path}/data"])
    assert Path("evaluation/mine_test/summary.json").is_file()


def test_projector_is_written_on_demand(finished: Train, capsys) -> None:
    finished("--trainer.max_epochs=1")
    main(["last", "--projector"])
    assert Path("lightning_logs/version_0/projector_config.pbtxt").is_file()
    assert "tensorboard.main --logdir lightning_logs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("last", "there is no run in checkpoints"),
        ("gone.ckpt", "there is no checkpoint gone.ckpt"),
        ("weights.pt", "holds weights only"),
        ("junk.ckpt", "is not a whole checkpoint"),
    ],
)
def test_unusable_checkpoint_is_one_line(word, reason, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"w": torch.ones(1)}, "weights.pt")
    Path("junk.ckpt").write_text("junk")
    code, line = refusal_of(capsys, lambda: main([word]))
    assert code == 2
    assert reason in line


def test_unwritable_folder_is_one_line(finished: Train, capsys) -> None:
    finished("--trainer.max_epochs=1")
    Path("taken").write_text("")
    code, line = refusal_of(capsys, lambda: main(["last", "--out=taken"]))
    assert code == 1
    assert "taken" in line
