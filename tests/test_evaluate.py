"""`python -m src.evaluate` as a user types it."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from src.batch import Batch
from src.engine.files.reading import file_digest
from src.engine.records.ledger import looks
from src.evaluate import _answers, _parser, _seen, main
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
    lines = capsys.readouterr().out.splitlines()
    text = "\n".join(lines)
    assert "checkpoint     checkpoints/version_0/best.ckpt, step 11\n" in text
    assert f"\ntest accuracy  {metrics['test/acc']:.2%}" in text
    assert lines[-2].startswith(f"files          {FOLDER}/confusion.png, reliability.png, ")
    assert re.fullmatch(r"seconds        \d+\.\d startup, \d+\.\d evaluation", lines[-1])
    assert (summary["split"], summary["step"]) == ("test", 11)
    assert summary["sha256"] == file_digest(Path("checkpoints/version_0/best.ckpt"))
    look = looks(Path())[-1]
    assert (look["by"], look["network"]) == ("src.evaluate", summary["sha256"])
    assert (look["metrics"]["test/acc"], look["samples"]) == (summary["accuracy"]["share"], 60)


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
    assert {look["by"] for look in looks(Path())} <= {"src.train"}  # not at the test images


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
        ("junk.ckpt", "is not a complete checkpoint"),
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


def test_words_have_defaults() -> None:
    given = _parser().parse_args(["last"])
    assert (given.ckpt, given.split, given.out, given.projector) == ("last", "test", None, False)
    given = _parser().parse_args(["last", "--out=x", "--projector"])
    assert (given.out, given.projector) == (Path("x"), True)


@pytest.mark.parametrize("known", [None, 3.0])
def test_temperature_is_that_of_the_run_or_of_its_validation(known: float | None) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2000, 4, generator=generator)
    label = torch.multinomial(logits.softmax(dim=1), 1, generator=generator).flatten()
    splits = {"val": Batch(2 * logits, label), "test": Batch(torch.eye(4), torch.arange(4))}
    trained = SimpleNamespace(
        network=nn.Identity(), temperature=known, batches=lambda split, device: [splits[split]]
    )
    found = _answers(trained, "test")
    assert torch.equal(found.logits, torch.eye(4))
    assert found.temperature == (known or pytest.approx(2, rel=0.1))


def test_look_tells_what_was_seen() -> None:
    accuracy = {"share": 0.5, "interval": [0, 1], "images": 4}
    assert _seen(SimpleNamespace(summary={"accuracy": accuracy})) == {
        "metrics": {"test/acc": 0.5},
        "samples": 4,
    }
