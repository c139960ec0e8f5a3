"""What a run left, read without torch."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from src.evaluate import main as evaluate
from src.experiment.run_record import RunRecord
from tests.conftest import Train


def record_of(root: Path, **files: object) -> RunRecord:
    """A run without checkpoints, with some of its small files."""
    logs = root / "lightning_logs" / "version_0"
    logs.mkdir(parents=True)
    (logs / "config.yaml").write_text("seed_everything: 5\n")
    for name, content in files.items():
        (logs / f"{name}.json").write_text(json.dumps(content))
    (record,) = RunRecord.all(root)
    return record


@pytest.mark.parametrize(
    ("seen", "metrics", "best"),
    [
        ([{"val/acc": 0.8}, {"val/acc": 0.9}, {"val/loss": 2.0}, {"val/acc": 0.85}], {}, 0.9),
        ([{"val/loss": 2.0}], {}, None),
        ([{"val/acc": 0.8}], {"val/acc_best": 0.0}, 0.0),
    ],
)
def test_unfinished_run_tells_its_best_so_far(tmp_path: Path, seen, metrics, best) -> None:
    record = record_of(tmp_path, progress={"step": 9, "validations": seen}, metrics=metrics)
    assert record.status == "interrupted"
    assert record.validations == seen
    assert record.best_val == best


@pytest.mark.parametrize(("glance", "seed"), [({}, 5), ({"seed": None}, 5), ({"seed": 0}, 0)])
def test_seed_is_known_before_training_begins(tmp_path: Path, glance: dict, seed: int) -> None:
    assert record_of(tmp_path, run=glance).seed == seed


def test_run_without_a_seed_is_refused(tmp_path: Path) -> None:
    record = record_of(tmp_path)
    (record.log_dir / "config.yaml").write_text("seed_everything: true?\n")
    with pytest.raises(ValueError, match=r"version_0 does not tell the seed of its run: delete"):
        _ = record.seed


def test_evaluation_of_a_run_without_checkpoints_counts(tmp_path: Path) -> None:
    record = record_of(tmp_path)
    assert record.checkpoint.name == "last.ckpt"
    assert record.evaluation() is None
    record.evaluation_dir.mkdir(parents=True)
    (record.evaluation_dir / "summary.json").write_text('{"loss": 1.0, "sha256": "of no file"}')
    assert record.evaluation()["loss"] == 1.0
    record.checkpoint.parent.mkdir(parents=True)
    record.checkpoint.write_bytes(b"another state")
    assert record.evaluation() is None


def test_record_holds_what_the_run_wrote(finished: Train) -> None:
    metrics = finished("--trainer.max_epochs=2")
    record = RunRecord.find("last")
    assert record.settings["trainer.max_epochs"] == 2
    assert record.metrics == metrics
    assert record.metrics["memory_mib"] > 100
    assert [step for step, _ in record.curves["val/acc"]] == [10, 21]
    assert record.sessions[0]["from_step"] == 0


def test_evaluation_counts_only_of_this_checkpoint(finished: Train) -> None:
    finished("--trainer.max_epochs=1")
    record = RunRecord.find("checkpoints/version_0")
    assert record.evaluation() is None
    evaluate(["last"])
    assert record.evaluation()["step"] == 11
    shutil.copy("checkpoints/version_0/model.pt", record.checkpoint)
    assert record.evaluation() is None


@pytest.mark.parametrize("word", ["last", "nowhere", "."])
def test_what_is_no_run_is_refused(word: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="no run"):
        RunRecord.find(word)


def test_records_are_read_without_torch() -> None:
    code = "import sys, src.experiment.run_record; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
