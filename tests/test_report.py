"""`python -m src.report` as a user types it."""

import json
import re
from pathlib import Path

import pytest

from src.evaluate import main as evaluate
from src.report import main
from tests.conftest import Train
from tests.test_train import refusal_of


@pytest.mark.slow
def test_runs_are_evaluated_and_set_side_by_side(
    train: Train, finished: Train, monkeypatch
) -> None:
    finished("--trainer.max_epochs=1")
    train("--trainer.max_epochs=2")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    main(["checkpoints/version_0", "lightning_logs/version_1"])
    text = Path("report.html").read_text()
    for run in (0, 1):
        assert Path(f"lightning_logs/version_{run}/evaluation/best_test/summary.json").is_file()
        assert f"--ckpt_path checkpoints/version_{run}" in text
    assert "<code>trainer.max_epochs</code>" in text


def test_page_tells_what_the_files_tell(finished: Train, monkeypatch) -> None:
    metrics = finished("--trainer.max_epochs=1")
    evaluate(["last"])
    monkeypatch.setattr("src.report._default", dict)
    main(["last", "--out=page.html"])
    text = Path("page.html").read_text()
    summary = json.loads(
        Path("lightning_logs/version_0/evaluation/best_test/summary.json").read_text()
    )
    assert f"{summary['accuracy']['share']:.2%} (95% interval" in text
    assert f"{metrics['fit_s']:.1f} s" in text
    assert text.count('alt="Test image') == len(summary["mistakes"])
    assert not re.search(r'(src|href)="(?!data:)', text)


def test_report_of_no_run_is_one_line(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    code, line = refusal_of(capsys, lambda: main(["nowhere"]))
    assert (code, line[:27]) == (2, "error: nowhere is no run: g")
