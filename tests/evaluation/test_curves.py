"""Curves of a page."""

import math
from pathlib import Path
from xml.etree import ElementTree

import pytest

from src.evaluation.curves import MARKS, _drawn, _figure, draw_panels
from src.evaluation.section import Section


def run(name: str, curves: dict[str, list[tuple[int, float]]], **notes: str) -> Section:
    told = {key.replace("_", "/"): text for key, text in notes.items()}
    return Section(name, {}, {}, [], curves, None, Path(), {}, notes=told)


POINTS = {"train/acc": [(1, 0.5), (2, 0.75)], "val/acc": [(2, 0.7)], "val/loss": []}


@pytest.mark.parametrize("count", [1, 2])
def test_curves_of_all_runs_are_in_one_picture(count: int) -> None:
    runs = [run(name, POINTS) for name in "ab"[:count]]
    names = _drawn(runs)["acc"]
    figure = _figure(runs, "acc", names)
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("optimizer step", "acc")
    look = [(line.get_label(), line.get_color(), line.get_marker()) for line in axes.lines]
    alone = [("train", "C0", ""), ("val", "C1", "o")]
    several = [
        (f"{name} {split}", f"C{number}", "os"[number])
        for number, name in enumerate("ab")
        for split in ("train", "val")
    ]
    assert look == (alone if count == 1 else several)
    assert axes.lines[0].get_xydata().tolist() == [[1, 0.5], [2, 0.75]]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [label for label, *_ in look]
    assert axes.get_legend() is None


def test_legend_covers_no_point() -> None:
    runs = [run(f"version_{number}", POINTS) for number in range(8)]
    figure = _figure(runs, "acc", _drawn(runs)["acc"])
    figure.draw_without_rendering()
    (legend,), (axes,) = figure.legends, figure.axes
    box = legend.get_window_extent()
    assert box.y1 < axes.get_tightbbox().y0
    assert box.x1 <= figure.bbox.x1
    assert axes.get_position().height > 0.4 * 2.9 / figure.get_figheight()


def test_runs_after_the_eighth_are_grey_and_in_no_legend() -> None:
    runs = [run(f"version_{number}", POINTS) for number in range(50)]
    figure = _figure(runs, "acc", _drawn(runs)["acc"])
    colours = [line.get_color() for line in figure.axes[0].lines if line.get_label()[0] == "_"]
    assert colours == ["0.6"] * 2 * (50 - len(MARKS))
    assert len(figure.legends[0].get_texts()) == 2 * len(MARKS)
    marks = {line.get_marker() for line in figure.axes[0].lines[: 2 * len(MARKS)]}
    assert len(marks) == len(MARKS)


def test_single_point_is_seen() -> None:
    runs = [run("a", {"train/loss": [(5, 1.0)]})]
    (line,) = _figure(runs, "loss", _drawn(runs)["loss"]).axes[0].lines
    assert line.get_marker() == "o"


@pytest.mark.parametrize(
    ("names", "titles"),
    [
        (["val_rmse", "train_rmse", "lr-SGD"], {"rmse": {"train", "val"}}),
        (["valid/f1", "train/loss", "test/f1"], {"loss": {"train"}, "f1": {"val"}}),
        (["val/c", "val/b", "val/loss", "val/a"], {key: {"val"} for key in ("loss", "c", "b")}),
        (["rmse", "lr"], {"rmse": {"logged"}, "lr": {"logged"}}),
        (["train/b"], {"b": {"train"}}),
        (["val/acc", "val/acc_best"], {"acc": {"val"}}),
        ([], {}),
        (["test/acc", "test_loss"], {}),
    ],
)
def test_curves_of_any_names_are_drawn(names, titles) -> None:
    drawn = _drawn([run("a", {name: [(1, 2.0), (2, 1.0)] for name in names})])
    assert {metric: {*found} for metric, found in drawn.items()} == titles
    assert [*drawn] == [*titles]


@pytest.mark.parametrize("name", ["$\\x$", "<script>", '" onload="x', "-->", "\x1b[2J"])
def test_picture_is_a_part_of_a_page_whatever_its_texts_are(name: str) -> None:
    runs = [run(name, {f"val/{name}": [(1, 2.0)]}), run("b", {})]
    (panel,) = draw_panels(runs)
    found, plain = (
        [each.tag for each in ElementTree.fromstring(one.svg).iter()]
        for one in (panel, *draw_panels([run("x", {"val/x": [(1, 2.0)]}), run("b", {})]))
    )
    assert {*found} == {*plain}


def test_ink_of_a_picture_is_that_of_its_page() -> None:
    (panel,) = draw_panels([run("a", {"val/acc": [(1, 0.5), (2, 0.75)]})])
    assert panel.svg.startswith('<svg role="img" aria-label="acc against the optimizer step, val"')
    assert "#000000" not in panel.svg
    assert "currentColor" in panel.svg
    for word in ("<style", "<metadata", "dc:date", 'id="axes_1"', 'pt"', "#ffffff"):
        assert word not in panel.svg
    assert draw_panels([run("a", {"val/acc": [(1, 0.5), (2, 0.75)]})])[0].svg == panel.svg


@pytest.mark.parametrize("values", [[math.nan] * 3, [math.inf, 1.0, -math.inf], [1e300, -1e300]])
def test_values_that_are_not_finite_are_left_out(values: list[float]) -> None:
    points = {"train/loss": [*enumerate(values)], "val/loss": [*enumerate(values)]}
    for runs in ([run("a", points)], [run("a", points), run("b", points)]):
        (panel,) = draw_panels(runs)
        assert "nan" not in panel.svg


def test_legend_of_grey_runs_alone_is_none() -> None:
    runs = [run(str(number), {}) for number in range(8)] + [run("x", POINTS)]
    assert not _figure(runs, "acc", _drawn(runs)["acc"]).legends


def test_notes_say_which_runs_they_are_of() -> None:
    points = {"train/loss": [(1, 2.0)], "val/loss": [(1, 1.0)]}
    runs = [run("a", points, train_loss="is smooth"), run("b", points, train_loss="is smooth")]
    assert draw_panels(runs)[0].notes == ["train/loss is smooth"]
    assert draw_panels([*runs, run("c", points)])[0].notes == ["train/loss is smooth (a, b)"]
