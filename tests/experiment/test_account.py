import time

from lightning.pytorch import Trainer
from torch.utils.data import DataLoader

from src.batch import Batch
from src.experiment.account import Account
from src.models import CNN
from src.tasks import ClassificationTask


def test_account_keeps_times_counts_and_metrics(batch: Batch) -> None:
    account = Account(started=time.perf_counter() - 100)
    trainer = Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[account],
    )
    loader = DataLoader([batch] * 3, batch_size=None)
    task = ClassificationTask(CNN())
    trainer.fit(task, loader, loader)
    trainer.test(task, loader, verbose=False)
    metrics = account.metrics
    assert (metrics["epochs"], metrics["steps"], metrics["test_images"]) == (2, 6, 60)
    assert 100 < metrics["startup_s"] < 200
    assert 0 < metrics["fit_s"] < 100
    assert {"train/loss", "val/acc", "test/acc", "test_s"} <= set(metrics)
