"""`python -m src.report` as a user types it."""

import json
import re
import subprocess
import sys
from math import inf
from pathlib import Path
from types import SimpleNamespace

import pytest

from src.engine.console.failure import UsageError
from src.engine.files.reading import file_digest
from src.engine.records.metric import Metric
from src.engine.records.run_record import RunRecord
from src.evaluate import main as evaluate
from src.evaluation.section import GroupSection
from src.report import (
    _best_of,
    _default,
    _evaluate,
    _group_section,
    _parser,
    _section,
    main,
)
from tests import foreign
from tests.conftest import Train
from tests.foreign import foreign_run
from tests.test_train import refusal_of


@pytest.mark.slow
def test_runs_are_evaluated_and_set_side_by_side(
    train: Train, finished: Train, monkeypatch
) -> None:
    finished("--trainer.max_epochs=1")
    train("--trainer.max_epochs=2")
    evaluate(["checkpoints/version_0"])  # what is there is not made again
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
    assert not re.search(r'(src|href)="(?!data:|#)', text)


def test_report_of_no_run_is_one_line(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    code, line = refusal_of(capsys, lambda: main(["nowhere"]))
    assert (code, line[:27]) == (2, "error: nowhere is no run: g")


def fake_process(monkeypatch, code: int = 0, out: str = "", error: str = "") -> list[list[str]]:
    """Answer for the processes that the command starts; returns their commands."""
    commands: list[list[str]] = []

    def run(command: list[str], **options: bool) -> subprocess.CompletedProcess[str]:
        assert options == {"capture_output": True, "text": True, "check": False}
        commands.append(command)
        return subprocess.CompletedProcess(command, code, out, error)

    monkeypatch.setattr(subprocess, "run", run)
    return commands


def test_default_is_asked_of_a_training(monkeypatch) -> None:
    commands = fake_process(monkeypatch, out="debug: false\na:\n  b: 1\n")
    assert _default() == {"a.b": 1}
    assert commands == [[sys.executable, "-m", "src.train", "--print_config"]]


@pytest.mark.parametrize(
    ("code", "error", "kind", "text"),
    [
        (2, "note: x\nerror: no data\n", UsageError, "src.train failed: no data"),
        (1, "killed", RuntimeError, "src.train failed: killed"),
        (1, "", RuntimeError, "src.train failed: it said nothing"),
    ],
)
def test_failure_of_a_command_is_told(monkeypatch, code, error, kind, text) -> None:
    fake_process(monkeypatch, code, error=error)
    with pytest.raises(kind, match=f"^{text}$"):
        _default()


def test_evaluation_is_done_with_the_words_of_the_report(monkeypatch) -> None:
    commands, record = fake_process(monkeypatch), SimpleNamespace(checkpoint=Path("x.ckpt"))
    _evaluate(record, None, None)
    _evaluate(record, "data", "mine")
    more = ["--data_dir", "data", "--trust", "mine"]
    assert [command[2:] for command in commands] == [
        ["src.evaluate", "x.ckpt"],
        ["src.evaluate", "x.ckpt", *more],
    ]


def test_run_of_any_module_gets_a_page(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    foreign_run(foreign.Regression)
    monkeypatch.setattr("src.report._default", dict)
    monkeypatch.setattr(
        "src.report._evaluate", lambda record, *_: evaluate([str(record.checkpoint)])
    )
    main(["last"])
    text = Path("report.html").read_text()
    summary = Path("lightning_logs/version_0/evaluation/last_test/summary.json").read_text()
    value = json.loads(summary)["metrics"]["test/rmse"]
    assert f'<th scope="row">test/rmse</th><td>{value:.6g}</td>' in text
    assert "src.evaluate checkpoints/version_0" in text
    assert not any(word in text for word in ("src.predict", 'id="mistakes"', "Test images"))


def test_run_that_cannot_be_tested_is_shown_without_it(monkeypatch, capsys) -> None:
    record = SimpleNamespace(checkpoint=Path("x.ckpt"), name="version_3")
    fake_process(monkeypatch, 2, error="error: --split test: Net has no test_step; add it\n")
    _evaluate(record, None, None)
    note = "note: version_3 is shown without an evaluation, --split test: Net has no test_step;"
    assert capsys.readouterr().err.startswith(note)
    fake_process(monkeypatch, 2, error="error: it was not trusted\n")
    with pytest.raises(UsageError, match="it was not trusted"):
        _evaluate(record, None, None)


def test_best_run_of_a_group_is_finished_and_best_by_validation() -> None:
    states = [("finished", -0.8), ("finished", -0.9), ("finished", inf), ("failed", -0.99)]
    members = [SimpleNamespace(status=each[0], rank=each[1], headline=None) for each in states]
    assert _best_of(SimpleNamespace(readable=lambda: members)) is members[1]
    with pytest.raises(FileNotFoundError, match="no run of group g is finished"):
        _best_of(SimpleNamespace(name="g", readable=lambda: members[3:]))
    with pytest.raises(ValueError, match="no validation says which run of g is best: name one"):
        _best_of(SimpleNamespace(name="g", readable=lambda: members[2:]))
    members[0].headline = Metric("val/loss", "min")
    with pytest.raises(ValueError, match=r"have different metrics, none, val/loss \(min\): name"):
        _best_of(SimpleNamespace(name="g", readable=lambda: members))


def test_group_tells_its_runs_as_they_are_and_a_sweep_its_summary(tmp_path: Path) -> None:
    for name in ("b.png", "a.png"):
        (tmp_path / name).touch()
    (tmp_path / "c.png").symlink_to(tmp_path / "a.png")
    figures = {"status": "finished", "metrics": {"test/rmse": 0.5}, "headline": None}
    figures |= {"rank": 0.5, "name": "version_3"}
    members = [SimpleNamespace(**figures), SimpleNamespace(**figures | {"status": "failed"})]
    group = SimpleNamespace(name="g", folder=tmp_path, readable=lambda: members)
    (tmp_path / "summary.txt").write_text("all of it")
    section = _group_section(group)  # of the runs that there are now
    assert section.text.startswith("runs           1 of 2, group g\ntest/rmse      0.5000 (one run")
    assert section.text.endswith("\nshown here     version_3, the best by validation")
    assert section == GroupSection("g", section.text, [tmp_path / "a.png", tmp_path / "b.png"])
    (tmp_path / "trials.csv").touch()  # but of a sweep
    assert _group_section(group).text.startswith("all of it\nshown here ")


def test_words_have_defaults() -> None:
    assert vars(_parser().parse_args(["a", "b"])) == {
        "run": ["a", "b"],
        "card": False,
        "out": None,
        "data_dir": None,
        "trust": None,
        "debug": False,
    }
    assert _parser().parse_args(["a", "--out=x", "--trust=mine"]).out == Path("x")


def test_section_tells_how_to_go_on(finished: Train) -> None:
    finished("--trainer.max_epochs=1")
    record = RunRecord.find("last")
    section = _section(record, "2 looks")
    assert section.looks == "2 looks"
    assert (section.summary, len(section.images)) == (None, 0)
    assert [*section.commands] == [
        *("go on training", "what it gets right and wrong", "train again and compare"),
    ]
    record.evaluation_dir.mkdir(parents=True)
    digest = file_digest(record.checkpoint)
    (record.evaluation_dir / "summary.json").write_text(json.dumps({"sha256": digest}))
    section = _section(record, "")
    assert section.name == "version_0"
    python = section.commands["go on training"].partition(" -m ")[0]
    commands = {
        what: command.removeprefix(f"{python} -m src.")
        for what, command in section.commands.items()
    }
    assert commands.pop("go on training").startswith("train ")
    assert commands == {
        "what it gets right and wrong": "evaluate checkpoints/version_0",
        "pictures in files": "predict checkpoints/version_0 IMAGE...",
        "try it in the browser": "demo checkpoints/version_0",
        "for use without this project": "export checkpoints/version_0",
        "train again and compare": "reproduce checkpoints/version_0",
    }


def test_card_of_a_run_is_written(finished: Train, monkeypatch, capsys) -> None:
    metrics = finished("--trainer.max_epochs=1")
    monkeypatch.setattr("src.report._default", dict)
    main(["last", "--card"])
    assert capsys.readouterr().out == "card           card.md\n"
    text = Path("card.md").read_text()
    assert f"| test/acc | {metrics['test/acc']:.2%} (95% interval " in text
    assert (
        "| looks at the test set | 1 look at 1 network of 1 configuration here, 1 of this" in text
    )
    assert "| data set | tests.tiny_mnist.TinyMNIST |" in text
    assert not Path("report.html").exists()
    code, line = refusal_of(capsys, lambda: main(["last", "version_0", "--card"]))
    assert (code, line) == (2, "error: --card is of one run: give one")
