from matplotlib.figure import Figure

from src.evaluation.multi_label.figures import draw_classes

FOUND = {
    "good": {"f1": (0.9, 0.8, 1.0), "precision": (0.9, 0.8, 1.0), "recall": (0.9, 0.8, 1.0)},
    "bad": {"f1": (0.0, None, None), "precision": (None, None, None), "recall": (0.0, None, None)},
}


def test_lowest_class_is_drawn_first_and_what_is_not_known_is_left_out() -> None:
    figure = draw_classes(FOUND)
    assert isinstance(figure, Figure)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["bad", "good"]
    assert len(axes.containers) == 5
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        *("F1", "precision", "recall")
    ]
