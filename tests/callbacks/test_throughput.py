import time

from lightning.pytorch import Callback, Trainer
from torch.utils.data import DataLoader

from src.batch import Batch
from src.callbacks import Throughput
from src.models import CNN
from src.tasks import ClassificationTask


class Slow(Callback):
    """Take a tenth of a second for each batch of training and a whole one to validate."""

    def on_train_batch_start(self, *args) -> None:
        time.sleep(0.1)

    def on_validation_epoch_end(self, *args) -> None:
        time.sleep(1.0)


def test_throughput_counts_training_without_validation(batch: Batch) -> None:
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Throughput(), Slow()],
    )
    loader = DataLoader([batch] * 2, batch_size=None)
    trainer.fit(ClassificationTask(CNN()), loader, loader)
    # 40 images in 0.2 s of waiting and the steps themselves, far from the second of validation.
    assert 40 / 1.0 < trainer.callback_metrics["train/images_per_s"] < 40 / 0.2
