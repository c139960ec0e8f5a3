import pytest

from src.engine.records.metric import Metric
from src.statistics.comparison import Sample, compare
from src.statistics.estimate import estimate
from src.statistics.figure import draw_comparison
from src.statistics.sentence import Scale

ACC = Scale(Metric("test/acc", "max", "percent"))


def interval(container) -> tuple[float, float, float]:
    """Middle, lower and upper end of an interval that was drawn."""
    middle, _, (bar,) = container
    (((low, row), (high, _)),) = bar.get_segments()
    assert row == middle.get_ydata()[0]
    return middle.get_xdata()[0], low, high


def test_intervals_are_those_of_the_numbers() -> None:
    a, b = {1: 0.99, 2: 0.991, 3: 0.992}, {1: 0.993, 2: 0.994, 3: 0.9951}
    samples = [Sample("a", a, {}), Sample("b", b, {}), Sample("c", {7: 0.98, 8: 0.999}, {})]
    comparisons = compare(samples, 0.0005)
    left, right = draw_comparison(samples, comparisons, "test/acc", ACC).axes
    for container, values in zip(left.containers, (a, b), strict=False):
        found = estimate([100 * value for value in values.values()])
        assert interval(container) == pytest.approx((found.mean, found.low, found.high))
    for container, found in zip(right.containers, comparisons, strict=True):
        expected = [100 * value for value in (found.difference, found.low, found.high)]
        assert interval(container) == pytest.approx(expected)
    colours = [container[0].get_color() for container in right.containers]
    assert colours == ["C0", "0.55"]  # only the first one is told apart
    assert [container[0].get_ydata()[0] for container in right.containers] == [1, 2]


def test_picture_has_each_run_and_each_difference() -> None:
    samples = [
        Sample("a", {1: 0.99, 2: 0.991, 3: 0.992}, {}),
        Sample("b", {1: 0.993, 2: 0.994, 3: 0.9951}, {}),
        Sample("single", {1: 0.99}, {}),
    ]
    figure = draw_comparison(samples, compare(samples, 0.0005), "test/acc", ACC)
    left, right = figure.axes
    assert left.get_yticklabels()[0].get_text() == "a\nn = 3"
    assert left.get_xlabel() == "test/acc [%]"
    assert right.get_xlabel() == "difference of test/acc [points]"
    shown = [line for line in left.lines if line.get_marker() == "o"]
    assert [len(line.get_xdata()) for line in shown] == [3, 3, 1]
    assert len(right.containers) == 1  # a single run has no interval


@pytest.mark.parametrize(
    ("metric", "unit", "points"), [("fit_s", " [s]", " [s]"), ("val/loss", "", "")]
)
def test_axes_have_the_unit_of_the_metric(metric: str, unit: str, points: str) -> None:
    samples = [Sample("a", {1: 2.0, 2: 3.5}, {}), Sample("b", {1: 4.0, 2: 5.0}, {})]
    left, right = draw_comparison(samples, compare(samples, 0.1), metric, Scale(metric)).axes
    assert left.get_xlabel() == f"{metric}{unit}"
    assert right.get_xlabel() == f"difference of {metric}{points}"
    assert left.lines[0].get_xdata().tolist() == [2.0, 3.5]


def test_picture_has_a_row_for_each_configuration() -> None:
    samples = [Sample(name, {1: 0.5, 2: 0.625 + k / 8}, {}) for k, name in enumerate("abc")]
    figure = draw_comparison(samples, compare(samples, 0.1), "test/acc", ACC)
    left, right = figure.axes
    assert figure.canvas.get_width_height() == (1200, 390)
    assert (left.get_ylim(), right.get_ylim()) == ((2.5, -0.5), (2.5, -0.5))
    assert ([*left.get_yticks()], [*right.get_yticks()]) == ([0, 1, 2], [])
    assert left.get_title() == "Each run, mean and its 95% interval"
    assert right.get_title() == "Difference from a, 95% interval, for all together"
    assert left.get_gridspec().get_width_ratios() == [1.4, 1]
    dots = [line for line in left.lines if line.get_marker() == "o"]
    assert [(line.get_color(), line.get_alpha()) for line in dots] == [
        ("C0", 0.35),
        ("C1", 0.35),
        ("C2", 0.35),
    ]
    assert [{*line.get_ydata()} for line in dots] == [{0}, {1}, {2}]
    assert [bar[0].get_color() for bar in left.containers] == ["C0", "C1", "C2"]
    assert {bar[0].get_marker() for bar in left.containers} == {"|"}
    assert {bar[0].get_marker() for bar in right.containers} == {"o"}
    middle = [line for line in right.lines if line.get_linestyle() == "--"]
    assert [(line.get_xdata(), line.get_color()) for line in middle] == [([0, 0], "0.3")]
    grid = [*left.get_xgridlines(), *right.get_xgridlines()]
    assert {(line.get_alpha(), line.get_visible()) for line in grid} == {(0.3, True)}
    assert not any(line.get_visible() for line in left.get_ygridlines())


def test_name_of_a_metric_is_no_formula() -> None:
    samples = [Sample(name, {1: 0.5, 2: 0.625}, {}) for name in "ab"]
    figure = draw_comparison(samples, compare(samples, 0.1), "$\\x$\x1b", Scale("x"))
    figure.draw_without_rendering()
    assert figure.axes[0].get_xlabel() == r"\$\x\$\x1b"
