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
from torch import nn

from src.data import ImageDataModule, MNISTDataModule
from src.deployment.answers import Answer
from src.engine.checkpoints.trained import Trained
from src.evaluation.classification.trained_classifier import TrainedClassifier
from src.predict import _parser, _print, main
from tests.conftest import Train

RUN = "checkpoints/version_0"


def predict(*words: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main([RUN, *words])
    return stop.value.code


@pytest.fixture
def trained(finished: Train, tmp_path: Path, capsys) -> TrainedClassifier:
    """Train on synthetic MNIST, with two pictures beside the run."""
    finished("--trainer.max_epochs=1")
    for name, points in {"one": (30, 10, 30, 50), "slash": (50, 10, 10, 50)}.items():
        picture = Image.new("RGB", (60, 60), "white")
        ImageDraw.Draw(picture).line(points, "black", 5)
        (tmp_path / "pictures").mkdir(exist_ok=True)
        picture.save(tmp_path / "pictures" / f"{name}.png")
    found = TrainedClassifier.of(Trained.load(RUN), "predict")
    capsys.readouterr()
    return found


def expected(trained: TrainedClassifier, name: str) -> list[float]:
    with Image.open(name) as picture:
        image = MNISTDataModule.from_picture(picture).float() / 255
    with torch.no_grad():
        logits = trained.network(((image - 0.1307) / 0.3081).unsqueeze(0))
    return (logits / (trained.temperature or 1)).softmax(1)[0].tolist()


def test_probabilities_are_those_of_the_network(trained: TrainedClassifier, capsys) -> None:
    assert predict("pictures", "--format", "json") == 0
    answers = json.loads(capsys.readouterr().out)
    assert [answer["file"] for answer in answers] == ["pictures/one.png", "pictures/slash.png"]
    for answer in answers:
        right = expected(trained, answer["file"])
        assert [*answer["probabilities"].values()] == pytest.approx(right, abs=1e-5)
        assert answer["probability"] == pytest.approx(max(right), abs=1e-5)
        assert answer["prediction"] == str(right.index(max(right)))


def test_formats_agree(trained: TrainedClassifier, capsys) -> None:
    predict("pictures", "--format=csv")
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [*rows[0]] == ["file", "prediction", "probability", *"0123456789", "error"]
    predict("pictures")
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["file", "prediction", "probability", "second", "probability"]
    for row, line in zip(rows, table[1:], strict=True):
        start = [row["file"], row["prediction"], f"{float(row['probability']):.4f}"]
        assert line.split()[:3] == start


@pytest.fixture
def pair(trained: TrainedClassifier) -> Path:
    """Put two pictures side by side, and another one that is blank."""
    both = Image.new("L", (140, 60), 255)
    for left, name in ((0, "one"), (60, "slash")):
        both.paste(Image.open(f"pictures/{name}.png").convert("L"), (left, 0))
    both.save("pair.png")
    Image.new("L", (9, 9)).save("blank.png")
    return Path("pair.png")


def test_all_digits_are_read_from_left_to_right(pair: Path, capsys) -> None:
    predict("pictures", "--format=json")
    alone = [answer["prediction"] for answer in json.loads(capsys.readouterr().out)]
    assert predict("--all", "--format=json", "pair.png", "blank.png") == 1
    said = capsys.readouterr()
    number, blank = json.loads(said.out)
    assert number["number"] == "".join(alone)
    assert [each["box"][0] // 60 for each in number["digits"]] == [0, 1]
    reason = "the picture is blank: all its pixels are alike"
    assert blank == {"file": "blank.png", "error": reason}
    assert f"error: blank.png: {reason}" in said.err
    assert predict("--all", "pair.png") == 0
    assert capsys.readouterr().out.split()[3:5] == ["pair.png", number["number"]]


def test_picture_is_refused_in_which_several_are_read(
    trained: TrainedClassifier, monkeypatch, capsys
) -> None:
    monkeypatch.setattr("src.deployment.numbers.chosen", lambda _, parts, angles: [parts[0]] * 2)
    assert predict("pictures", "--format=json") == 1
    reasons = {each["error"] for each in json.loads(capsys.readouterr().out)}
    assert reasons == {"more than one digit (2 found)"}


def test_all_is_refused_where_one_thing_is_found(
    trained: TrainedClassifier, monkeypatch, capsys
) -> None:
    monkeypatch.delattr(MNISTDataModule, "all_from_picture")
    assert predict("--all", "pictures") == 2
    assert capsys.readouterr().err == (
        "error: --all: TinyMNIST finds one thing in a picture: leave --all out\n"
    )


def test_missing_temperature_is_said_once(trained: TrainedClassifier, capsys) -> None:
    predict("pictures")
    said = capsys.readouterr().err.count("note: the probabilities are not calibrated")
    assert said == (trained.temperature is None)


def test_chunks_change_no_answer(trained: TrainedClassifier, monkeypatch, capsys) -> None:
    predict("pictures")
    whole = capsys.readouterr().out
    monkeypatch.setattr("src.predict._BATCH", 1)
    predict("pictures")
    assert capsys.readouterr().out == whole


def test_unreadable_files_stop_no_other(trained: TrainedClassifier, capsys) -> None:
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


def test_standard_input_is_a_picture(trained: TrainedClassifier, monkeypatch, capsys) -> None:
    content = io.BytesIO(Path("pictures/one.png").read_bytes())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=content))
    assert predict("-", "--format=json") == 0
    [answer] = json.loads(capsys.readouterr().out)
    right = expected(trained, "pictures/one.png")
    assert [*answer["probabilities"].values()] == pytest.approx(right, abs=1e-5)


def test_data_set_without_pictures_is_refused(
    trained: TrainedClassifier, monkeypatch, capsys
) -> None:
    for owner in (MNISTDataModule, ImageDataModule):
        monkeypatch.delattr(owner, "from_picture")
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


def test_words_have_defaults() -> None:
    given = _parser().parse_args(["last", "a.png", "b"])
    assert (given.ckpt, given.images, given.format) == ("last", ["a.png", "b"], "table")
    assert not given.all


@pytest.mark.parametrize("count", [256, 257, 3])
def test_pictures_are_classified_in_chunks(monkeypatch, capsys, count: int) -> None:
    sizes, image = [], torch.zeros(1, 2, 2, dtype=torch.uint8)
    names = {"class_names": "abcd", "from_picture": None}

    def classify(classifier: nn.Module, pictures: list, names: str, angles: tuple) -> list[Answer]:
        assert angles == (-30.0,)
        assert not classifier.training
        sizes.append(len(pictures))
        return [Answer(name, {"a": 1.0}) for name, _ in pictures]

    found = SimpleNamespace(
        published=names.get,
        data=SimpleNamespace(angles=(-30.0,)),
        classifier_parts=lambda: {"network": nn.Flatten(), "mean": 0.0, "std": 1.0},
    )
    monkeypatch.setattr(Trained, "load", lambda *words: found)
    monkeypatch.setattr(TrainedClassifier, "of", lambda loaded, verb: loaded)
    pictures = [(f"{number}.png", image) for number in range(count)]
    monkeypatch.setattr("src.deployment.pictures.read_pictures", lambda *_: pictures)
    monkeypatch.setattr("src.deployment.answers.classify", classify)
    assert predict("x", "--format=json") == 0
    assert sizes == {256: [256, 0], 257: [256, 1], 3: [3]}[count]
    answers = json.loads(capsys.readouterr().out)
    assert [answer["file"] for answer in answers] == [name for name, _ in pictures]


def test_reader_that_left_is_not_written_to(monkeypatch) -> None:
    class Gone(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

        def fileno(self) -> int:
            return 77

    moved: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "open", lambda *given: {(os.devnull, os.O_WRONLY): 66}[given])
    monkeypatch.setattr(os, "dup2", lambda *given: moved.append(given))
    monkeypatch.setattr(sys, "stdout", Gone())
    _print("text")
    assert moved == [(66, 77)]
