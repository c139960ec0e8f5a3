from src.batch import Batch
from src.callbacks.image_grid import draw_grid


def test_grid_names_every_image(batch: Batch) -> None:
    figure = draw_grid(batch.image[:9], list("712041495"))
    assert [axes.get_title() for axes in figure.axes] == list("712041495")


def test_grid_marks_wrong_predictions(batch: Batch) -> None:
    figure = draw_grid(batch.image[:2], ["7", "2"], ["7", "3"])
    right, wrong = (axes.title for axes in figure.axes)
    assert (right.get_text(), right.get_color()) == ("7", "tab:green")
    assert (wrong.get_text(), wrong.get_color()) == ("3, not 2", "tab:red")


def test_grid_draws_colour_images(batch: Batch) -> None:
    figure = draw_grid(batch.image[:4].repeat(1, 3, 1, 1), ["a"] * 4)
    assert figure.axes[0].images[0].get_array().shape == (28, 28, 3)
