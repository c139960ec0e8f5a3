"""The logger of a run."""

from collections.abc import Mapping

from lightning.pytorch.loggers import TensorBoardLogger
from typing_extensions import override


class RunLogger(TensorBoardLogger):
    """Lightning's TensorBoardLogger without the curve of the epoch, which would open the page."""

    @override
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        super().log_metrics({k: v for k, v in metrics.items() if k != "epoch"}, step)
