"""What a run left, read without torch."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from src.evaluate import main as evaluate
from src.experiment.run_record import RunRecord
from tests.conftest import Train


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
