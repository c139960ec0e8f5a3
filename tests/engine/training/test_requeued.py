import json
from pathlib import Path
from typing import Any

import pytest

from src.engine.console.command_line import split_arguments
from src.engine.files.run import Run
from src.engine.records.provenance import own_command
from src.engine.training.requeued import in_this_job

WORDS = ["--config=a.yaml", "--trainer.max_epochs=3"]
HERE: dict[str, Any] = {"job": "7", "command": own_command()}


@pytest.fixture
def again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which SLURM runs job 7 once more."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    Path("a.yaml").write_text("trainer: {}\n")
    return tmp_path


def began(root: Path, state: bool = True, step: int = 0, **session: str) -> Run:
    run = Run.new(root)
    given = {
        "began": "2026",
        "from_step": 0,
        "git": dict.fromkeys(("commit", "status", "diff"), ""),
    }
    inputs = {"inputs": {"threads": "1", "processes": "1"}, "packages": {}}
    content = [{**given, **inputs, **HERE, **session}]
    (run.log_dir / "provenance.json").write_text(json.dumps(content))
    (run.log_dir / "progress.json").write_text(json.dumps({"step": 5}))
    if step:
        (run.log_dir / "metrics.json").write_text(json.dumps({"steps": step}))
    if state:
        (run.checkpoint_dir / "last.ckpt").touch()
    return run


def todo(*words: str) -> list[str] | None:
    return in_this_job([*words], split_arguments([*words]))


def test_job_continues_what_it_has_begun(again: Path) -> None:
    began(again)
    run = began(again)
    began(again, job="8")
    began(again, command="python -m src.train --other")
    assert todo(*WORDS) == ["--ckpt_path", str(run.checkpoint_dir)]


def test_job_gives_its_secrets_again(again: Path) -> None:
    run = began(again)
    assert todo(*WORDS, "--data.api_key=hunter2X", "--debug") == [
        *("--ckpt_path", str(run.checkpoint_dir), "--data.api_key=hunter2X", "--debug")
    ]


def test_job_without_a_state_begins_anew(again: Path) -> None:
    began(again, state=False)
    assert todo(*WORDS) == WORDS


def test_job_does_nothing_twice(again: Path, capsys: pytest.CaptureFixture[str]) -> None:
    began(again, step=5)
    assert todo(*WORDS) is None
    told = "note: version_0 of this job is finished: nothing is left to do\n"
    assert capsys.readouterr().err == told


def test_command_that_names_its_run_is_left_alone(again: Path) -> None:
    began(again)
    assert todo("--ckpt_path", "last") == ["--ckpt_path", "last"]


def test_first_start_of_a_job_continues_nothing(again: Path, monkeypatch) -> None:
    began(again)
    monkeypatch.delenv("SLURM_RESTART_COUNT")
    assert todo(*WORDS) == WORDS


def test_damaged_run_of_somebody_else_is_passed_over(again: Path) -> None:
    run = began(again)
    (began(again).log_dir / "provenance.json").write_text("{")
    assert todo(*WORDS) == ["--ckpt_path", str(run.checkpoint_dir)]
