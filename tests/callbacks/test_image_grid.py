import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from src.batch import Batch
from src.callbacks import ImageGrid
from src.callbacks.image_grid import draw_grid


def test_grid_names_every_image(batch: Batch) -> None:
    figure = draw_grid(batch.image[:9], list("712041495"))
    assert [text.get_text() for text in figure.axes[0].texts] == list("712041495")


def test_grid_marks_wrong_predictions(batch: Batch) -> None:
    figure = draw_grid(batch.image[:2], ["7", "2"], ["7", "3"])
    right, wrong = figure.axes[0].texts
    assert (right.get_text(), right.get_color()) == ("7", "tab:green")
    assert (wrong.get_text(), wrong.get_color()) == ("3, not 2", "tab:red")


def test_grid_shows_each_image_once_and_in_order(batch: Batch) -> None:
    images = batch.image[:9]
    (axes,) = draw_grid(images, ["x"] * 9).axes
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
    logits = torch.eye(10)[(batch.label + 1) % 10]
    ImageGrid(num_images=4).on_test_batch_end(trainer, LightningModule(), logits, batch, 0)
    assert [(labels, predictions) for _, labels, predictions in drawn] == [
        (list("0123"), None),
        (list("0123"), list("1234")),
    ]
    assert all(torch.equal(image, batch.image[:4]) for image, *_ in drawn)


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
