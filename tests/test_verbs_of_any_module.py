"""What each command makes of modules that know nothing of this project."""

import json
from pathlib import Path

import pytest

from src import demo, evaluate, export, label_errors, predict, report
from src.train import main
from tests.test_any_module import trial, trials_forked  # noqa: F401  # fixtures
from tests.test_train import refusal_of

MEANS_NOTHING = ("Traceback", "accuracy", "precision", "image", "%")


@pytest.mark.slow
def test_commands_serve_a_trial_or_refuse_it(trial: str, capsys) -> None:  # noqa: F811
    main(["--config=x.yaml", "--debug", "--trainer.max_epochs=1"])
    capsys.readouterr()
    before = sorted(Path().rglob("*"))
    for verb in (predict, export, demo, label_errors):
        more = ["x.png"] if verb is predict else []
        code, line = refusal_of(capsys, lambda verb=verb, more=more: verb.main(["last", *more]))
        assert (code, "serves classification" in line) == (2, True)
    assert sorted(Path().rglob("*")) == before
    code = 0
    try:
        evaluate.main(["last"])
    except SystemExit as stop:
        code = stop.code
    said = capsys.readouterr()
    assert code in (0, 2)
    assert not any(word in said.out for word in MEANS_NOTHING)
    assert tells_the_test() == (code == 0)


def tells_the_test() -> bool:
    """Whether there is an evaluation, whose figures are then those of the run's own test."""
    metrics = json.loads(Path("lightning_logs/version_0/metrics.json").read_text())
    found = [*Path("lightning_logs/version_0/evaluation").rglob("summary.json")]
    for file in found:
        for name, value in json.loads(file.read_text())["metrics"].items():
            assert metrics[name] == pytest.approx(value, rel=1e-4), name
    return bool(found)


@pytest.mark.slow
@pytest.mark.usefixtures("trials_forked")
def test_report_of_a_trial_evaluates_it(trial: str, capsys) -> None:  # noqa: F811
    main(["--config=x.yaml", "--trainer.max_epochs=1"])
    report.main(["last"])
    without = "is shown without an evaluation" in capsys.readouterr().err
    page = Path("report.html").read_text()
    assert "version_0" in page
    assert not any(word in page for word in ("accuracy", "Test images", "digit"))
    assert tells_the_test() != without
