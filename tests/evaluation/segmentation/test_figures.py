import numpy as np
import pytest

from src.evaluation.segmentation.figures import Masked, draw_classes, draw_overlays

NAMES = ("ground", "cat", "dog")


@pytest.fixture
def masked() -> Masked:
    label = np.zeros((8, 8), np.uint8)
    label[2:4, 2:6], label[7] = 1, 255
    prediction = label.copy()
    prediction[2:4, 2:4] = 2
    return Masked(7, 0.25, np.random.default_rng(0).random((1, 8, 8)), label, prediction)


def texts(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_classes_are_named_where_they_are(masked: Masked) -> None:
    plain, truth, said = draw_overlays([masked], NAMES).axes[:3]
    assert (texts(plain), texts(truth), texts(said)) == ([], ["cat"], ["cat", "dog"])
    assert plain.get_title() == "7: IoU 25.0%"


def test_wrong_pixels_are_hatched(masked: Masked) -> None:
    figure = draw_overlays([masked, masked._replace(prediction=masked.label)], NAMES)
    hatched = [[*each.collections] for each in figure.axes]
    assert [len(each) for each in hatched] == [0, 0, 1, 0, 0, 0]
    assert hatched[2][0].hatches == ["xxx"]


@pytest.mark.parametrize(("channels", "shape"), [(1, (8, 8)), (2, (8, 8)), (3, (8, 8, 3))])
def test_image_is_grey_or_coloured(masked: Masked, channels: int, shape: tuple) -> None:
    image = 5 * np.random.default_rng(0).standard_normal((channels, 8, 8))
    figure = draw_overlays([masked._replace(image=image)], NAMES)
    drawn = figure.axes[0].images[0].get_array()
    assert drawn.shape == shape
    assert 0 <= drawn.min() <= drawn.max() <= 1


def test_lowest_class_is_on_top() -> None:
    (axes,) = draw_classes({"cat": 0.5, "dog": 0.2, "fish": None}).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["dog", "cat"]
    assert texts(axes) == ["20.0%", "50.0%"]
    assert axes.yaxis_inverted()
