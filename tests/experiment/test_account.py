import time

from torch.utils.data import DataLoader

from src.batch import Batch
from src.experiment.account import Account
from src.models import CNN
from src.tasks import ClassificationTask
from tests.bare_trainer import bare_trainer


def test_account_keeps_times_counts_and_metrics(batch: Batch) -> None:
    account = Account(started=time.perf_counter() - 100)
    trainer = bare_trainer(max_epochs=2, callbacks=[account])
    loader = DataLoader([batch] * 3, batch_size=None)
    task = ClassificationTask(CNN())
    trainer.fit(task, loader, loader)
    trainer.test(task, loader, verbose=False)
    metrics = account.metrics
    assert (metrics["epochs"], metrics["steps"], metrics["test_images"]) == (2, 6, 60)
    assert 100 < metrics["startup_s"] < 200
    assert 0 < metrics["fit_s"] < 100
    assert {"train/loss", "val/acc", "test/acc", "test_s"} <= set(metrics)
