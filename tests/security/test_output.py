"""What a stranger's names and values do to a terminal and a spreadsheet: nothing."""

import copy
import csv
import io
import sys
from contextlib import closing
from pathlib import Path

import pytest
import torch
from optuna.distributions import CategoricalDistribution
from PIL import Image, ImageDraw

from src.deployment.answers import Answer, as_csv, as_json, as_table
from src.engine.console.failure import one_line_failures
from src.engine.console.note import note
from src.engine.console.parser import OneLineParser
from src.engine.console.printable import printable
from src.engine.console.shown import shown
from src.engine.console.verb_parser import VerbParser
from src.engine.exact.reproduction import report
from src.engine.files.run import Run
from src.engine.jobs.live import Live
from src.engine.training.result import _summary
from src.evaluation.classification.evaluation import table as evaluation_table
from src.evaluation.classification.label_errors import LabelErrors
from src.evaluation.classification.tensorboard import write_projector
from src.predict import main as predict
from src.search.results import table as search_table
from src.search.results import trials_csv
from src.search.search import Search
from src.search.sweep_file import Sweep
from tests.conftest import Train
from tests.engine.exact.test_reproduction import checkpoint
from tests.evaluation.classification.test_evaluation import evaluation
from tests.evaluation.classification.test_label_errors import answers

PAYLOADS = [
    "\x1b]0;title\x07\x1b[2J\x1b[1;1H",
    "a\nversion_9  finished",
    "a\rversion_9  finished",
    "\x9b31m\x7f\x08\x00",
    "\u202egnp.exe\u2066\u200b\ufeff",
    "\udc9b\u2028",
]
each_payload = pytest.mark.parametrize("payload", PAYLOADS, ids=ascii)


def refuse_harm(text: str, payload: str) -> None:
    """Fail unless a text shows the payload and its lines are printable."""
    assert printable(payload) in text
    lines = text.split("\n")
    assert lines == [*map(printable, lines)]
    assert not any(line.startswith("version_9") for line in lines)


@each_payload
@pytest.mark.parametrize("code", [1, 2])
def test_failure_is_a_printable_line(payload: str, code: int, tmp_path: Path, capsys) -> None:
    run = Run.new(tmp_path)
    (run.log_dir / "config.yaml").touch()
    with pytest.raises(SystemExit), one_line_failures(code, False, run):
        raise ValueError(payload)
    refuse_harm(capsys.readouterr().err, " ".join(payload.split()))
    lines = (run.log_dir / "traceback.txt").read_text().split("\n")
    assert lines == [*map(printable, lines)]


def test_traceback_for_debugging_is_printable(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.excepthook", sys.excepthook)
    with pytest.raises(ValueError, match="2J") as caught, one_line_failures(1, debug=True):
        raise ValueError(PAYLOADS[0])
    sys.excepthook(caught.type, caught.value, caught.tb)
    text = capsys.readouterr().err
    refuse_harm(text, PAYLOADS[0])
    assert text.startswith("Traceback")


@each_payload
def test_notes_and_lines_beside_the_bars_are_printable(payload: str, capsys) -> None:
    note(payload)
    with closing(Live(1)) as live:
        live.say(f"seed 1 failed: {payload}")
    error = capsys.readouterr().err
    refuse_harm(error, payload)
    assert error.count("\n") == 2


@each_payload
def test_refused_words_are_printable(payload: str, capsys) -> None:
    folded = " ".join(payload.split())
    for parser, said in ((VerbParser("runs", ""), payload), (OneLineParser(), folded)):
        with pytest.raises(SystemExit):
            parser.error(payload)
        refuse_harm(capsys.readouterr().err, said)


@each_payload
def test_names_of_files_and_classes_are_printable(payload: str, tmp_path: Path) -> None:
    answer = Answer(payload, {payload: 1.0, "b": 0.0})
    refuse_harm(as_table([answer]), payload)
    refuse_harm(as_csv([answer], [payload, "b"]), payload)
    assert as_json([answer]).isascii()
    refuse_harm(shown(tmp_path / payload), payload)
    names = [payload, *"bcdefghij"]
    refuse_harm(evaluation_table(evaluation().summary | {"class_names": names}), payload)
    errors = LabelErrors(*answers(), names=[payload] * 3)
    refuse_harm(errors.table(), payload)
    refuse_harm(errors.csv().decode(), payload)


@each_payload
def test_files_of_a_finished_run_are_printable(payload: str, tmp_path: Path) -> None:
    run = Run.new(tmp_path)
    name = payload.replace("\0", "").encode(errors="surrogateescape").decode(errors="replace")
    (run.log_dir / f"{name}.png").touch()
    (run.checkpoint_dir / f"{name}.ckpt").touch()
    metrics = {f"{name}_best": 0.5, "epochs": 1, "steps": 1}
    refuse_harm(_summary(run, run.log_dir, metrics, "", payload), name)


@each_payload
def test_reproduction_is_printable(payload: str) -> None:
    first = checkpoint()
    first["metrics"][payload] = payload
    first["provenance"][0]["inputs"][payload] = payload
    first["provenance"].append(copy.deepcopy(first["provenance"][0]) | {"from_step": payload})
    first["provenance"][1]["changes"] = [[payload, payload, payload]]
    same, text = report(first, checkpoint())
    assert not same
    refuse_harm(text, payload)


def search(folder: Path, choice: str) -> Search:
    space = {f"model.{choice}": CategoricalDistribution([choice])}
    found = Search("s", Sweep(space, trials=1), folder / "journal", "here")
    number, _ = found.ask()
    found.note_run(number, choice)
    found.tell(number, "complete", 0.5)
    return found


@each_payload
def test_search_is_printable(payload: str, tmp_path: Path) -> None:
    found = search(tmp_path, payload.replace("\udc9b", ""))
    for text in (search_table(found), trials_csv(found).decode().replace("\r\n", "\n")):
        refuse_harm(text, payload.replace("\udc9b", ""))


@pytest.mark.parametrize("text", ['=HYPERLINK("x")', "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1"])
def test_spreadsheet_finds_no_formula(text: str, tmp_path: Path) -> None:
    official = torch.arange(90)
    tables = [
        as_csv([Answer(text, {text: 1.0, "b": -0.0})], [text, "b"]),
        LabelErrors(*answers(), names=[text] * 3).csv(official).decode(),
        trials_csv(search(tmp_path, text)).decode(),
    ]
    for content in tables:
        cells = [cell for row in csv.reader(io.StringIO(content)) for cell in row]
        assert f"'{printable(text)}" in cells
        assert not [cell for cell in cells if cell.startswith(tuple("=+@\t\r"))]
        assert [cell for cell in cells if cell.startswith("-")] in ([], ["-0.0"])


def test_projector_has_a_line_per_label(tmp_path: Path) -> None:
    image, names = torch.zeros(3, 1, 28, 28, dtype=torch.uint8), ["a\nb", "c\td"]
    write_projector(tmp_path, 1, torch.rand(3, 5), torch.tensor([0, 1, 0]), image, names)
    (labels,) = tmp_path.glob("*/embedding/metadata.tsv")
    assert labels.read_text().splitlines() == ["a\\nb", "c\\td", "a\\nb"]


def test_pictures_are_named_printably(finished: Train, capsys) -> None:
    finished("--trainer.max_epochs=1")
    Path("p").mkdir()
    for name in ("\x1b[2J.png", "a\n=b.png"):
        picture = Image.new("L", (60, 60), "white")
        ImageDraw.Draw(picture).line((30, 10, 30, 50), "black", 5)
        picture.save(f"p/{name}")
    Path("p/\x1b[3J\u202e.png").write_text("x")
    for form in ("table", "csv", "json"):
        capsys.readouterr()
        with pytest.raises(SystemExit):
            predict(["last", "p", f"--format={form}"])
        out, error = capsys.readouterr()
        refuse_harm(error, "\x1b[3J\u202e")
        refuse_harm(out.replace("\\u001b", "\\x1b"), "\x1b[2J")
