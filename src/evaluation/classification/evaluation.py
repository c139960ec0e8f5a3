"""All that is known of a network on one split: numbers, pictures and what is written of them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from src.engine.console.table import entries
from src.engine.console.table import table as aligned
from src.engine.files.atomic_write import json_text
from src.evaluation.classification.figures import (
    draw_confusion,
    draw_precision_recall,
    draw_reliability,
)
from src.evaluation.classification.measures import measure
from src.evaluation.classification.predictions import Predictions, archive, confident_mistakes
from src.evaluation.gallery import draw_gallery
from src.evaluation.picture import Picture, pixels, png


class Evaluation:
    """Measure and draw what a network said of a split.

    Args:
        answers: What it said.
        image: Pixels of the split, `(N, C, H, W)`, `uint8`.
        names: Names of the classes.
        about: What is evaluated: plain values by name, written down with the numbers.
        disputed: Indices of images whose label is disputed.
        files: Names of the files of the images, if there is one for each.
        num_mistakes: Most confident mistakes to show.
    """

    def __init__(
        self,
        answers: Predictions,
        image: Tensor,
        names: Sequence[str],
        about: dict[str, Any],
        disputed: Sequence[int] = (),
        files: Sequence[str] = (),
        num_mistakes: int = 40,
    ) -> None:
        self.answers = answers
        self.names = names
        self.disputed = disputed
        self.file_names = files
        self.worst = confident_mistakes(answers)[:num_mistakes]
        self.worst_image = image[self.worst]
        self.summary = about | {"class_names": list(names)} | measure(answers, disputed)
        self.summary["mistakes"] = self._mistakes()

    def pictures(self) -> dict[str, Picture]:
        """Draw the pictures.

        Returns:
            Pixels, `(H, W, 3)`, `uint8`, by name.
        """
        titles = [
            f"{mistake['prediction']}, not {mistake['label']}{'?' * mistake['disputed']}\n"
            f"{mistake['probability']:.1%}"
            for mistake in self.summary["mistakes"]
        ]
        disputed = "; with ? if people dispute it" if self.disputed else ""
        signs = f"First what was predicted, then the label{disputed}."
        figures = {
            "confusion": draw_confusion(self.summary["confusion"], self.names),
            "reliability": draw_reliability(self.answers),
            "precision_recall": draw_precision_recall(self.answers, self.names),
            "mistakes": draw_gallery(self.worst_image, titles, signs),
        }
        return {name: pixels(figure) for name, figure in figures.items()}

    def files(self, pictures: dict[str, Picture]) -> dict[str, bytes]:
        """Make the files of the evaluation.

        Args:
            pictures: What `pictures` drew.

        Returns:
            Contents by name of the file.
        """
        files = {f"{name}.png": png(picture) for name, picture in pictures.items()}
        disputed = torch.tensor([*self.disputed], dtype=torch.int64)
        more = {"mistake": self.worst, "mistake_image": self.worst_image, "disputed": disputed}
        files["predictions.npz"] = archive(self.answers, **more)
        files["summary.json"] = (json_text(self.summary) + "\n").encode()
        return files

    def _mistakes(self) -> list[dict[str, Any]]:
        said, given = self.answers.prediction.tolist(), self.answers.label.tolist()
        confidence = self.answers.confidence
        return [
            {
                "index": index,
                "label": self.names[given[index]],
                "prediction": self.names[said[index]],
                "probability": confidence[index].item(),
                "disputed": index in self.disputed,
                **({"file": self.file_names[index]} if self.file_names else {}),
            }
            for index in self.worst.tolist()
        ]


def table(summary: dict[str, Any]) -> str:
    """Describe an evaluation in lines for the terminal.

    Args:
        summary: Numbers of an `Evaluation`.

    Returns:
        Accuracy, calibration, each class, and the most confused pairs.
    """
    names, classes, calibrated = (summary[key] for key in ("class_names", "classes", "calibrated"))
    confused = [f"{names[a]} as {names[b]} ({count})" for a, b, count in summary["confused"]]
    rows = {
        f"{summary['split']} accuracy": _share(summary["accuracy"]),
        "undisputed": _share(summary["undisputed"]) if summary["undisputed"] else "",
        "loss": f"{summary['loss']:.4f}, calibrated {calibrated['loss']:.4f}",
        "ECE": f"{summary['ece']:.4f}, calibrated {calibrated['ece']:.4f} "
        f"(temperature {summary['temperature']:.3f}, fitted on val)",
        "confused": ", ".join(confused) or "none",
    }
    measures = (classes[key] for key in ("precision", "recall", "f1", "images"))
    lines = [
        (name, f"{precision:.2%}", f"{recall:.2%}", f"{f1:.2%}", f"{images:,}")
        for name, precision, recall, f1, images in zip(names, *measures, strict=True)
    ]
    heads = ("class", "precision", "recall", "F1", "images")
    return f"{entries(rows)}\n\n{aligned([heads, *lines], 'lrrrr')}\n"


def _share(found: dict[str, Any]) -> str:
    low, high = found["interval"]
    return (
        f"{found['share']:.2%}, 95% interval {low:.2%} to {high:.2%} ({found['images']:,} images)"
    )
