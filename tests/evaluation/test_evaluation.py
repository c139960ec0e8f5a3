"""An evaluation as a whole: numbers, pictures, files."""

import io
import json

import numpy as np
import torch
from PIL import Image

from src.evaluation.evaluation import Evaluation, table
from tests.evaluation.test_measures import answers, interval

NAMES = list("abcdefghij")


def evaluation(**options) -> Evaluation:
    image = torch.arange(500).view(500, 1, 1, 1).expand(500, 1, 28, 28).to(torch.uint8)
    return Evaluation(answers(2.0), image, NAMES, interval, {"split": "test"}, **options)


def test_mistakes_carry_their_own_images() -> None:
    made = evaluation()
    for mistake, image in zip(made.summary["mistakes"], made.worst_image, strict=True):
        assert image[0, 0, 0] == mistake["index"] % 256
        assert mistake["label"] != mistake["prediction"]
    sure = [mistake["probability"] for mistake in made.summary["mistakes"]]
    assert sure == sorted(sure, reverse=True)


def test_number_of_mistakes_is_chosen() -> None:
    assert len(evaluation(num_mistakes=3).summary["mistakes"]) == 3


def test_disputed_mistake_is_marked() -> None:
    first = evaluation().summary["mistakes"][0]["index"]
    assert evaluation(disputed=[first]).summary["mistakes"][0]["disputed"]
    assert not evaluation().summary["mistakes"][0]["disputed"]


def test_files_can_be_read_back() -> None:
    made = evaluation(num_mistakes=3)
    files = made.files(made.pictures())
    assert json.loads(files["summary.json"])["class_names"] == NAMES
    assert np.load(io.BytesIO(files["predictions.npz"]))["logits"].shape == (500, 10)
    for name in ("confusion", "reliability", "precision_recall", "mistakes"):
        assert Image.open(io.BytesIO(files[f"{name}.png"])).size[0] > 300


def test_table_has_every_class() -> None:
    text = table(evaluation().summary)
    assert text.startswith("test accuracy  ")
    assert all(f"\n{'':13}  {name}" in text for name in NAMES)
    assert "temperature 2.000, fitted on val" in text
