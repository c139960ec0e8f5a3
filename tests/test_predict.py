"""The command that classifies pictures, on what was learned from synthetic MNIST."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image, ImageDraw

from src.data import MNISTDataModule
from src.experiment.trained import Trained
from src.predict import main
from tests.conftest import Train

RUN = "checkpoints/version_0"


def predict(*words: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main([RUN, *words])
    return stop.value.code


@pytest.fixture
def trained(finished: Train, tmp_path: Path, capsys) -> Trained:
    """Train on synthetic MNIST, with two pictures beside the run."""
    finished("--trainer.max_epochs=1")
    for name, points in {"one": (30, 10, 30, 50), "slash": (50, 10, 10, 50)}.items():
        picture = Image.new("RGB", (60, 60), "white")
        ImageDraw.Draw(picture).line(points, "black", 5)
        (tmp_path / "pictures").mkdir(exist_ok=True)
        picture.save(tmp_path / "pictures" / f"{name}.png")
    found = Trained.load(RUN)
    capsys.readouterr()
    return found


def expected(trained: Trained, name: str) -> list[float]:
    with Image.open(name) as picture:
        image = MNISTDataModule.from_picture(picture).float() / 255
    with torch.no_grad():
        logits = trained.network(((image - 0.1307) / 0.3081).unsqueeze(0))
    return (logits / (trained.temperature or 1)).softmax(1)[0].tolist()


def test_probabilities_are_those_of_the_network(trained: Trained, capsys) -> None:
    assert predict("pictures", "--format", "json") == 0
    answers = json.loads(capsys.readouterr().out)
    assert [answer["file"] for answer in answers] == ["pictures/one.png", "pictures/slash.png"]
    for answer in answers:
        right = expected(trained, answer["file"])
        assert [*answer["probabilities"].values()] == pytest.approx(right, abs=1e-5)
        assert answer["probability"] == pytest.approx(max(right), abs=1e-5)
        assert answer["prediction"] == str(right.index(max(right)))


def test_formats_agree(trained: Trained, capsys) -> None:
    predict("pictures", "--format=csv")
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [*rows[0]] == ["file", "prediction", "probability", *"0123456789"]
    predict("pictures")
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["file", "prediction", "probability", "second", "probability"]
    for row, line in zip(rows, table[1:], strict=True):
        start = [row["file"], row["prediction"], f"{float(row['probability']):.4f}"]
        assert line.split()[:3] == start


def test_missing_temperature_is_said_once(trained: Trained, capsys) -> None:
    predict("pictures")
    said = capsys.readouterr().err.count("note: the probabilities are not calibrated")
    assert said == (trained.temperature is None)


def test_chunks_change_no_answer(trained: Trained, monkeypatch, capsys) -> None:
    predict("pictures")
    whole = capsys.readouterr().out
    monkeypatch.setattr("src.predict._BATCH", 1)
    predict("pictures")
    assert capsys.readouterr().out == whole


def test_unreadable_files_stop_no_other(trained: Trained, capsys) -> None:
    Path("broken.png").write_bytes(Path("pictures/one.png").read_bytes()[:60])
    Image.new("L", (9, 9)).save("blank.png")
    Path("empty").mkdir()
    assert predict("broken.png", "nowhere.png", "blank.png", "empty", "pictures/one.png") == 1
    said = capsys.readouterr()
    errors = [line for line in said.err.splitlines() if line.startswith("error: ")]
    names = ["broken.png", "nowhere.png", "blank.png", "empty"]
    assert [line.split(": ")[1] for line in errors] == names
    assert errors[2] == "error: blank.png: the picture is blank: all its pixels are alike"
    assert "pictures/one.png" in said.out


def test_standard_input_is_a_picture(trained: Trained, monkeypatch, capsys) -> None:
    content = io.BytesIO(Path("pictures/one.png").read_bytes())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=content))
    assert predict("-", "--format=json") == 0
    [answer] = json.loads(capsys.readouterr().out)
    right = expected(trained, "pictures/one.png")
    assert [*answer["probabilities"].values()] == pytest.approx(right, abs=1e-5)


def test_data_set_without_pictures_is_refused(trained: Trained, monkeypatch, capsys) -> None:
    monkeypatch.delattr(MNISTDataModule, "from_picture")
    assert predict("pictures") == 2
    assert "error: TinyMNIST has no `from_picture`" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [("nowhere.ckpt", "x.png"), ("last",), ("last", "x", "--format=x")]
)
def test_wrong_command_is_one_line(tmp_path: Path, monkeypatch, capsys, words: tuple) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main([*words])
    error = capsys.readouterr().err
    assert (stop.value.code, error.count("\n")) == (2, 1)
    assert error.startswith("error: ")


@pytest.mark.slow
def test_reader_may_leave_early(trained: Trained) -> None:
    outlet, inlet = os.pipe()
    os.close(outlet)  # the reader is gone before the first line
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "src.predict", RUN, "pictures"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        command, stdout=inlet, stderr=subprocess.PIPE, env=environment, text=True, check=True
    )
    os.close(inlet)
    assert "Broken" not in done.stderr
    assert "Traceback" not in done.stderr
