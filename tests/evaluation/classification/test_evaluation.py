"""An evaluation as a whole: numbers, pictures, files."""

import io
import json

import numpy as np
import torch
from PIL import Image

from src.evaluation.classification.evaluation import Evaluation, table
from src.evaluation.gallery import draw_gallery
from tests.evaluation.classification.test_measures import answers

NAMES = list("abcdefghij")


def evaluation(**options) -> Evaluation:
    image = torch.arange(500).view(500, 1, 1, 1).expand(500, 1, 28, 28).to(torch.uint8)
    return Evaluation(answers(2.0), image, NAMES, {"split": "test"}, **options)


def test_mistakes_carry_their_own_images() -> None:
    made = evaluation()
    said, confidence = made.answers.prediction, made.answers.confidence
    for mistake, image in zip(made.summary["mistakes"], made.worst_image, strict=True):
        index = mistake.pop("index")
        assert image[0, 0, 0] == index % 256
        assert mistake == {
            "label": NAMES[made.answers.label[index]],
            "prediction": NAMES[said[index]],
            "probability": confidence[index].item(),
            "disputed": False,
        }
    sure = [mistake["probability"] for mistake in made.summary["mistakes"]]
    assert (len(sure), sure) == (40, sorted(sure, reverse=True))


def test_number_of_mistakes_is_chosen() -> None:
    assert len(evaluation(num_mistakes=3).summary["mistakes"]) == 3


def test_disputed_mistake_is_marked() -> None:
    first = evaluation().summary["mistakes"][0]["index"]
    assert evaluation(disputed=[first]).summary["mistakes"][0]["disputed"]
    assert not evaluation().summary["mistakes"][0]["disputed"]


def test_mistakes_name_their_files_where_there_are_some() -> None:
    first = evaluation(files=[f"{number}.jpg" for number in range(500)]).summary["mistakes"][0]
    assert first["file"] == f"{first['index']}.jpg"


def test_files_can_be_read_back() -> None:
    made = evaluation(num_mistakes=3, disputed=[3, 5])
    files = made.files(made.pictures())
    assert json.loads(files["summary.json"]) == json.loads(json.dumps(made.summary))
    assert files["summary.json"].startswith(b'{\n  "split": "test",\n  "class_names": [\n')
    assert files["summary.json"].endswith(b"]\n}\n")
    saved = np.load(io.BytesIO(files["predictions.npz"]))
    assert saved["logits"].shape == (500, 10)
    assert saved["mistake"].tolist() == [each["index"] for each in made.summary["mistakes"]]
    assert np.array_equal(saved["mistake_image"], made.worst_image)
    assert (saved["disputed"].tolist(), saved["disputed"].dtype) == ([3, 5], np.int64)
    for name in ("confusion", "reliability", "precision_recall", "mistakes"):
        assert Image.open(io.BytesIO(files[f"{name}.png"])).size[0] > 300


def test_table_has_every_class() -> None:
    text = table(evaluation().summary)
    assert text.startswith("test accuracy  ")
    assert all(f"\n{name}  " in text for name in NAMES)
    assert "temperature 2.000, fitted on val" in text


def test_picture_tells_what_was_said_of_each_mistake(monkeypatch) -> None:
    first = evaluation().summary["mistakes"][0]["index"]
    made, drawn = evaluation(num_mistakes=2, disputed=[first]), []
    monkeypatch.setattr(
        "src.evaluation.classification.evaluation.draw_gallery",
        lambda image, titles, signs: drawn.append((titles, signs)) or draw_gallery(image, titles),
    )
    made.pictures()
    one, two = made.summary["mistakes"]
    titles = [
        f"{one['prediction']}, not {one['label']}?\n{one['probability']:.1%}",
        f"{two['prediction']}, not {two['label']}\n{two['probability']:.1%}",
    ]
    signs = "First what was predicted, then the label; with ? if people dispute it."
    assert drawn == [(titles, signs)]


def test_table_is_read_as_it_stands() -> None:
    share = {"share": 0.75, "interval": [0.5, 0.875], "images": 1200}
    summary = {
        "split": "val",
        "class_names": ["cat\n", "a long one"],
        "accuracy": share,
        "undisputed": share | {"images": 1199},
        "loss": 0.25,
        "ece": 0.125,
        "calibrated": {"loss": 0.2, "ece": 0.1},
        "temperature": 1.5,
        "confused": [(0, 1, 7), (1, 0, 2)],
        "classes": {
            "precision": [0.5, 1.0], "recall": [0.25, 0.75], "f1": [0.4, 0.6], "images": [1000, 200]
        },
    }  # fmt: skip
    assert table(summary).splitlines() == [
        "val accuracy   75.00%, 95% interval 50.00% to 87.50% (1,200 images)",
        "undisputed     75.00%, 95% interval 50.00% to 87.50% (1,199 images)",
        "loss           0.2500, calibrated 0.2000",
        "ECE            0.1250, calibrated 0.1000 (temperature 1.500, fitted on val)",
        r"confused       cat\n as a long one (7), a long one as cat\n (2)",
        "",
        "class       precision  recall      F1  images",
        r"cat\n          50.00%  25.00%  40.00%   1,000",
        "a long one    100.00%  75.00%  60.00%     200",
    ]
    short = table(summary | {"class_names": ["a", "b"], "confused": [], "undisputed": None})
    assert short.splitlines()[3:7] == [
        "confused       none",
        "",
        "class  precision  recall      F1  images",
        "a         50.00%  25.00%  40.00%   1,000",
    ]
