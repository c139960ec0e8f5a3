"""Pictures of an evaluation."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from sklearn.metrics import average_precision_score

from src.evaluation.classification.figures import (
    draw_confusion,
    draw_precision_recall,
    draw_reliability,
)
from src.evaluation.classification.measures import reliability
from src.evaluation.classification.predictions import Predictions
from src.evaluation.picture import pixels
from tests.evaluation.classification.test_measures import answers

NAMES = list("0123456789")


def test_confusion_writes_every_count() -> None:
    counts = np.diag([7, 8, 9])
    counts[0, 2], counts[2, 1] = 5, 3
    (axes,) = draw_confusion(counts.tolist(), ["a", "b", "c"]).axes
    assert sorted(text.get_text() for text in axes.texts) == ["3", "5", "7", "8", "9"]
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["a", "b", "c"]
    places = {text.get_text(): (*text.get_position(), text.get_color()) for text in axes.texts}
    assert places["5"] == (2, 0, "white")  # column and row, on the darkest field
    assert places["8"] == (1, 1, "tab:green")
    assert places["3"] == (1, 2, "black")  # at the very share from which a number is white
    assert axes.images[0].get_array().tolist() == [[0, 0, 5], [0, 0, 0], [0, 3, 0]]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("prediction", "label")


@pytest.mark.parametrize("wrong", [0, 5])
def test_confusion_is_coloured_up_to_the_largest_count(wrong: int) -> None:
    figure = draw_confusion([[7, wrong], [0, 8]], ["a", "b"])
    (axes,) = figure.axes
    assert (axes.images[0].get_cmap().name, axes.images[0].get_clim()) == ("Reds", (0, wrong or 1))
    assert axes.get_title() == "images by label and prediction"
    assert [*axes.get_xticks()] == [*axes.get_yticks()] == [0, 1]
    look = {(text.get_ha(), text.get_va(), text.get_fontsize()) for text in axes.texts}
    assert look == {("center", "center", 9)}
    assert figure.canvas.get_width_height() == (768, 720)
    assert figure.get_layout_engine() is not None


def test_reliability_shows_both_calibrations() -> None:
    upper, lower = draw_reliability(answers(2.0)).axes
    names = [text.get_text() for text in upper.figure.legends[0].get_texts()]
    assert names == ["calibrated perfectly", "the network's logits", "temperature 2.00"]
    assert len(lower.patches) == 2
    assert (upper.get_ylabel(), lower.get_xlabel()) == ("accuracy", "confidence")
    confidence, accuracy, count = reliability(answers().probability, answers().label)
    points = upper.collections[0].get_offsets().data
    assert points == pytest.approx(np.stack([confidence, accuracy], axis=1)[count > 0])
    assert lower.patches[0].get_data().values.tolist() == count.tolist()
    assert lower.patches[0].get_data().edges == pytest.approx(np.linspace(0, 1, 16))
    area = 30 * (1 + count[count > 0].log10())
    assert upper.collections[0].get_sizes() == pytest.approx(area.numpy())


def test_counts_of_few_images_are_read_as_numbers() -> None:
    figure = draw_reliability(answers(2.0))
    figure.draw_without_rendering()
    marks = figure.axes[1].yaxis.get_ticklabels(which="both")
    assert {text for mark in marks if (text := mark.get_text())} <= {"0", "1", "10", "100", "1,000"}


def test_reliability_looks_as_it_is_read() -> None:
    figure = draw_reliability(answers(2.0))
    upper, lower = figure.axes
    (line,) = upper.lines
    assert line.get_xydata().tolist() == [[0, 0], [1, 1]]
    assert (line.get_linestyle(), line.get_color(), line.get_linewidth()) == ("--", "gray", 1)
    colours = [(*to_rgb(name), alpha) for alpha in (0.8, 0.4) for name in ("C1", "C0")]
    drawn = [tuple(dots.get_facecolor()[0]) for dots in upper.collections]
    assert [*drawn, *(bar.get_facecolor() for bar in lower.patches)] == colours
    assert all(bar.get_fill() for bar in lower.patches)
    square, circle = (dots.get_paths()[0] for dots in upper.collections)
    assert len(square) < len(circle)
    assert (upper.get_xlim(), upper.get_ylim()) == ((0, 1), (-0.02, 1.02))
    assert (lower.get_xlim(), lower.get_yscale()) == ((0, 1), "log")
    assert (upper.get_title(), lower.get_ylabel()) == (
        "is it as often right as it is sure?",
        "images",
    )
    assert upper.get_gridspec().get_height_ratios() == [3, 1]
    assert {line.get_alpha() for each in figure.axes for line in each.get_xgridlines()} == {0.3}
    assert figure.canvas.get_width_height() == (721, 820)
    assert figure.get_layout_engine() is not None


def test_reliability_leaves_empty_bins_out() -> None:
    sure = Predictions(20 * torch.eye(10)[:1], torch.zeros(1, dtype=torch.int64))
    upper, _ = draw_reliability(sure).axes
    assert [len(dots.get_offsets()) for dots in upper.collections] == [1, 1]


def test_each_class_has_its_curve() -> None:
    (axes,) = draw_precision_recall(answers(), NAMES).axes
    assert len(axes.lines) == 10
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("recall", "precision")
    right = (answers().label == 3).numpy()
    mean = average_precision_score(right, answers().probability[:, 3])
    assert axes.figure.legends[0].get_texts()[3].get_text() == f"3: {mean:.4f}"
    assert (np.diff(axes.lines[3].get_xdata()) <= 0).all()  # recall falls with the threshold
    assert (axes.lines[3].get_xdata()[0], axes.lines[3].get_ydata()[-1]) == (1, 1)


@pytest.mark.parametrize(("sharpness", "wrong", "start"), [(1, 1, 0.5), (1, 0, 1.0), (-1, 0, 0.0)])
def test_curves_are_cut_to_the_corner_where_they_turn(
    sharpness: float, wrong: int, start: float
) -> None:
    label = torch.arange(20) % 2
    logits = sharpness * (torch.eye(2)[label] + torch.arange(20)[:, None] / 100)
    logits[:wrong] = logits[:wrong].flip(1)  # one of ten of the class: precision and recall 0.9
    figure = draw_precision_recall(Predictions(logits, label), ["a", "b"])
    (axes,) = figure.axes
    assert axes.get_xlim() == axes.get_ylim() == pytest.approx((start, 1.001), abs=0.06)
    assert axes.get_title() == "precision and recall of each class"
    (legend,) = figure.legends
    assert legend.get_title().get_text() == "average precision"
    assert {text.get_fontsize() for text in legend.get_texts()} == {8}
    assert {line.get_alpha() for line in axes.get_xgridlines()} == {0.3}
    assert figure.canvas.get_width_height() == (721, 820)
    assert figure.get_layout_engine() is not None


def test_ten_classes_are_told_apart_without_colour() -> None:
    figure = draw_precision_recall(answers(), NAMES)
    looks = {(line.get_marker(), line.get_linestyle()) for line in figure.axes[0].lines}
    assert len(looks) == len({mark for mark, _ in looks}) == 10


def test_legends_cover_no_point() -> None:
    for names in (NAMES, [f"a class of a long name {number}" for number in range(10)]):
        for figure in (draw_precision_recall(answers(), names), draw_reliability(answers())):
            figure.draw_without_rendering()
            box = figure.legends[0].get_window_extent()
            assert box.y1 < min(axes.get_tightbbox().y0 for axes in figure.axes)
            assert 0 <= box.x0 <= box.x1 <= figure.bbox.x1


def test_confusion_of_long_names_and_many_classes_stays_readable() -> None:
    (long,) = draw_confusion([[7, 1], [0, 8]], ["Ankle boot", "Bag"]).axes
    assert {label.get_rotation() for label in long.get_xticklabels()} == {90}
    many = draw_confusion(np.eye(100, dtype=int).tolist(), [str(n) for n in range(100)])
    assert {text.get_fontsize() for text in many.axes[0].texts} == {5}
    assert pixels(many).shape[0] == 1440


def test_worst_of_many_classes_are_named() -> None:
    label = torch.arange(400) % 40
    logits = torch.nn.functional.one_hot(label, 40).float() * 9
    logits[label < 9] = torch.randn(90, 40, generator=torch.Generator().manual_seed(0))
    (axes,) = draw_precision_recall(
        Predictions(logits, label, 1.0), [f"c{n}" for n in range(40)]
    ).axes
    named = {text.get_text().partition(":")[0] for text in axes.figure.legends[0].get_texts()}
    assert len(axes.lines) == 40
    assert len(named) == 10
    assert named > {f"c{number}" for number in range(9)}
