from src.statistics.comparison import Sample, compare
from src.statistics.figure import draw_comparison


def test_picture_has_each_run_and_each_difference() -> None:
    samples = [
        Sample("a", {1: 0.99, 2: 0.991, 3: 0.992}, {}),
        Sample("b", {1: 0.993, 2: 0.994, 3: 0.9951}, {}),
        Sample("single", {1: 0.99}, {}),
    ]
    figure = draw_comparison(samples, compare(samples, 0.0005), "test/acc")
    left, right = figure.axes
    assert left.get_yticklabels()[0].get_text() == "a\nn = 3"
    assert left.get_xlabel() == "test/acc [%]"
    shown = [line for line in left.lines if line.get_marker() == "o"]
    assert [len(line.get_xdata()) for line in shown] == [3, 3, 1]
    assert len(right.containers) == 1  # a single run has no interval
