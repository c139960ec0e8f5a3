from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from src.experiment.run_logger import RunLogger


def test_epoch_is_no_curve(tmp_path: Path) -> None:
    logger = RunLogger(tmp_path)
    logger.log_metrics({"train/loss": 0.5, "epoch": 3}, step=7)
    logger.finalize("success")
    events = EventAccumulator(logger.log_dir).Reload()
    assert events.Tags()["scalars"] == ["train/loss"]
    assert events.Scalars("train/loss")[0].step == 7
