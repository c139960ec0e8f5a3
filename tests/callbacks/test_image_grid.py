import io
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from src.batch import Batch, TargetBatch
from src.callbacks import ImageGrid
from src.callbacks.image_grid import draw_grid


def test_grid_names_every_image(batch: Batch) -> None:
    texts = draw_grid(batch.image[:9], list("712041495")).axes[0].texts
    assert [text.get_text() for text in texts] == list("712041495")
    assert {(text.get_color(), text.get_ha(), text.get_fontsize()) for text in texts} == {
        ("black", "center", 12)
    }


def test_grid_has_a_field_for_each_image(batch: Batch) -> None:
    figure = draw_grid(batch.image[:3], list("712"))
    assert (figure.canvas.get_width_height(), figure.dpi) == ((336, 414), 120)
    (axes,) = figure.axes
    assert axes.get_position().bounds == pytest.approx((0, 0, 1, 3.2 / 3.45))
    assert (axes.get_xlim(), axes.get_ylim(), axes.axison) == ((0, 2), (2, 0), False)
    assert [image.get_extent() for image in axes.images] == [
        pytest.approx([0.03, 0.97, 0.99, 0.18]),
        pytest.approx([1.03, 1.97, 0.99, 0.18]),
        pytest.approx([0.03, 0.97, 1.99, 1.18]),
    ]
    assert [text.get_position() for text in axes.texts] == [(0.5, 0.15), (1.5, 0.15), (0.5, 1.15)]
    assert axes.get_aspect() == "auto"


def test_grid_marks_wrong_predictions(batch: Batch) -> None:
    figure = draw_grid(batch.image[:2], ["7", "2"], ["7", "3"])
    assert [text.get_text() for text in figure.texts] == ["3, not 2: predicted 3, labelled 2"]
    right, wrong = figure.axes[0].texts
    assert (right.get_text(), right.get_color()) == ("7", "tab:green")
    assert (wrong.get_text(), wrong.get_color()) == ("3, not 2", "tab:red")


def test_grid_shows_each_image_once_and_in_order(batch: Batch) -> None:
    images = batch.image[:9]
    (axes,) = draw_grid(images / 100, ["x"] * 9).axes
    pixels = torch.stack([torch.as_tensor(shown.get_array().data) for shown in axes.images])
    assert (pixels.min(), pixels.max()) == (0, 1)
    assert {(shown.get_cmap().name, shown.get_clim()) for shown in axes.images} == {
        ("gray", (0, 1))
    }
    for shown, image in zip(axes.images, images, strict=True):
        pixels = torch.as_tensor(shown.get_array().data).float().squeeze()
        order = image.squeeze().flatten().argsort()
        assert (pixels.flatten()[order].diff() >= 0).all()


def test_pictures_show_labels_and_the_likeliest_class(batch: Batch, tmp_path, monkeypatch) -> None:
    drawn = []

    def spy(image, labels, predictions=None):
        drawn.append((image, labels, predictions))
        return draw_grid(image, labels, predictions)

    monkeypatch.setattr("src.callbacks.image_grid.draw_grid", spy)
    trainer = Trainer(logger=TensorBoardLogger(tmp_path), accelerator="cpu")
    outputs = {"prediction": (batch.label + 1) % 10}
    ImageGrid(num_images=4).on_test_batch_end(trainer, LightningModule(), outputs, batch, 0)
    assert [(labels, predictions) for _, labels, predictions in drawn] == [
        (list("0123"), None),
        (list("0123"), list("1234")),
    ]
    assert all(torch.equal(image, batch.image[:4]) for image, *_ in drawn)


def test_pictures_of_the_test_are_in_tensorboard_and_files(batch: Batch, tmp_path) -> None:
    board, names = TensorBoardLogger(tmp_path), SimpleNamespace(class_names=list("abcdefghij"))
    trainer = SimpleNamespace(loggers=[board], is_global_zero=True, global_step=7, datamodule=names)
    grid, shown = ImageGrid(), {"prediction": batch.label}
    for outputs, number in ((shown, 1), (None, 0)):  # neither is what is shown
        grid.on_test_batch_end(trainer, LightningModule(), outputs, batch, number)
    assert not [*tmp_path.rglob("*.png")]
    grid.on_test_batch_end(trainer, LightningModule(), shown, batch, 0)
    board.experiment.close()
    events = EventAccumulator(board.log_dir).Reload()
    for name in ("images", "predictions"):
        (shown,) = events.Images(f"test/{name}")
        assert (shown.step, shown.width, shown.height) == (7, 504, 606)
        pixels = np.asarray(Image.open(io.BytesIO(shown.encoded_image_string)))
        file = Image.open(f"{board.log_dir}/test_{name}.png").convert("RGB")
        assert np.array_equal(pixels, np.asarray(file))


def test_classes_have_the_names_of_the_data_set(batch: Batch, monkeypatch, tmp_path) -> None:
    drawn = []
    monkeypatch.setattr(
        "src.callbacks.image_grid.draw_grid",
        lambda *given: drawn.append(given[1:]) or draw_grid(*given),
    )
    names = SimpleNamespace(class_names=list("abcdefghij"))
    trainer = SimpleNamespace(
        loggers=[TensorBoardLogger(tmp_path)], is_global_zero=True, global_step=0, datamodule=names
    )
    outputs = {"prediction": batch.label}
    ImageGrid(2).on_test_batch_end(trainer, LightningModule(), outputs, batch, 0)
    assert drawn == [(["a", "b"], None), (["a", "b"], ["a", "b"])]


@pytest.mark.parametrize(("step", "number"), [(0, 1), (5, 0), (5, 5)])
def test_only_the_first_batch_of_training_is_shown(batch: Batch, step: int, number: int) -> None:
    grid = ImageGrid()
    grid.on_train_batch_start(SimpleNamespace(global_step=step), LightningModule(), batch, number)
    grid.on_train_epoch_end(SimpleNamespace(), LightningModule())  # it would ask for the board


def test_grid_draws_colour_images(batch: Batch) -> None:
    figure = draw_grid(batch.image[:4].repeat(1, 3, 1, 1), ["a"] * 4)
    assert figure.axes[0].images[0].get_array().shape == (28, 28, 3)


@pytest.mark.parametrize("end", ["on_train_epoch_end", "on_exception"])
def test_first_training_images_are_shown_once(batch: Batch, tmp_path, end: str) -> None:
    trainer = Trainer(logger=TensorBoardLogger(tmp_path), accelerator="cpu")
    grid, task = ImageGrid(), LightningModule()
    grid.on_train_batch_start(trainer, task, batch, 0)
    batch.image.zero_()  # what follows may write into it
    for _ in range(2):
        getattr(grid, end)(trainer, task, *([ValueError()] if end == "on_exception" else []))
    trainer.logger.experiment.close()
    events = EventAccumulator(trainer.logger.log_dir).Reload()
    (shown,) = events.Images("train/images")
    assert (shown.step, len(set(shown.encoded_image_string)) > 9) == (0, True)


def test_long_names_fit_above_their_images() -> None:
    names = ["cat", "Shirt, not T-shirt/top"]
    (axes,) = draw_grid(torch.zeros(2, 1, 4, 4), names).axes
    assert [text.get_fontsize() for text in axes.texts] == [12, pytest.approx(12 * 14 / 22)]


def test_batches_of_another_kind_of_task_are_left_alone(batch: Batch, monkeypatch) -> None:
    grid, shown = ImageGrid(), []
    monkeypatch.setattr(ImageGrid, "_show", lambda *given: shown.append(given))
    numbers = TargetBatch(batch.image, torch.zeros(20, 1))
    grid.on_train_batch_start(SimpleNamespace(global_step=0), None, numbers, 0)
    grid.on_test_batch_end(None, None, {"prediction": numbers.target}, numbers, 0)
    grid.on_train_epoch_end(None, None)
    assert not shown
    grid.on_test_batch_end(None, None, {"prediction": batch.label}, batch, 0)
    assert shown
