"""What the wing of a kind of task adds to an evaluation."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from src import evaluate, report
from src.evaluation import wing
from src.evaluation.wing import Addition, Split
from tests import foreign
from tests.foreign import foreign_run

FOLDER = Path("lightning_logs/version_0/evaluation/last_test")

pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers")


class Counted(foreign.Regression):
    """A task of a kind that has a wing here."""

    kind = "counting"

    def test_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        super().test_step(batch, batch_idx)
        return {"prediction": self.line(batch[0])}


def count(split: Split) -> Addition:
    number = len(split.outputs["prediction"])
    return Addition(
        {"counted": f"{number} <samples>"},
        {"samples": number},
        {"all_of_them": np.zeros((4, 6, 3), np.uint8)},
    )


@pytest.fixture(autouse=True)
def counting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(wing.WINGS, "counting", ("prediction",))
    module = SimpleNamespace(evaluate=count)
    monkeypatch.setitem(sys.modules, "src.evaluation.counting.evaluation", module)


def test_wing_adds_to_terminal_files_and_tensorboard(capsys) -> None:
    foreign_run(Counted)
    evaluate.main(["last"])
    said = capsys.readouterr().out
    assert "\ncounted        20 <samples>\n" in said
    assert f"{FOLDER}/all_of_them.png, predictions.npz, summary.json" in said
    summary = json.loads((FOLDER / "summary.json").read_text())
    assert (summary["measured"], summary["pictures"]) == ({"samples": 20}, ["all_of_them"])
    assert [*summary["metrics"]] == ["test/rmse"]
    assert np.load(FOLDER / "predictions.npz")["prediction"].shape == (20, 1)
    assert [*Path("lightning_logs/version_0").glob("events*.evaluation.test")]


def test_report_shows_what_a_wing_adds(monkeypatch) -> None:
    foreign_run(Counted)
    evaluate.main(["last"])
    monkeypatch.setattr("src.report._default", dict)
    report.main(["last"])
    text = Path("report.html").read_text()
    assert '<th scope="row">counted</th><td>20 &lt;samples&gt;</td>' in text
    assert 'alt="all of them of version_0"' in text


def test_summary_cannot_name_a_picture_elsewhere(monkeypatch, capsys) -> None:
    foreign_run(Counted)
    evaluate.main(["last"])
    summary = json.loads((FOLDER / "summary.json").read_text())
    (FOLDER / "summary.json").write_text(json.dumps(summary | {"pictures": ["../x"]}))
    with pytest.raises(SystemExit):
        report.main(["last"])
    assert "summary.json is damaged (pictures.0 is '../x')" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("counting", "its step returns no prediction of each sample"), ("os", ""), ("", "")],
)
def test_without_a_wing_or_samples_nothing_is_added(kind: str, reason: str, capsys) -> None:
    task = foreign.Regression()
    assert wing.add(kind, Split("test", {}, task, None)) == Addition()
    note = f"note: only what Regression logs is shown: {reason}\n"
    assert capsys.readouterr().err == (note if reason else "")
