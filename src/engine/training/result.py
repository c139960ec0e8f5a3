"""What a run leaves behind: its weights and figures, and a table for who waited."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from lightning.pytorch import LightningModule, Trainer
from torch import nn

from src.engine.console.shown import python, shown
from src.engine.console.table import entries
from src.engine.files.arrays import packed_arrays
from src.engine.files.atomic_write import write_atomic, write_json
from src.engine.files.plain_file import packed
from src.engine.files.reading import file_digest
from src.engine.files.run import Run
from src.engine.records.ledger import add_look
from src.engine.records.metric import number_text
from src.engine.records.run_logger import log_results, picture_folder
from src.engine.records.run_record import RunRecord
from src.engine.records.totals import Totals
from src.engine.training.cli import TrainCLI

Describe = Callable[[LightningModule, Mapping[str, float]], Mapping[str, str]]


def finish(cli: TrainCLI, totals: Totals, describe: Describe = lambda *_: {}) -> str:
    """Save the weights and the figures of a run that has been trained and tested.

    Args:
        cli: Command that ran; its model holds the weights to save.
        totals: What it did.
        describe: Writes the outcome of the test of a task as rows of text; none for a task of which
            it knows nothing.

    Returns:
        Table of what was reached, what it took, where everything is and how to continue.
    """
    run, metrics = cast(Run, cli.run), dict(totals.metrics)
    metrics |= cli.target.reached if cli.target else {}
    if cli.heartbeat:  # the totals are of this session alone
        metrics["fit_s"] = metrics.get("fit_s", 0) + cli.heartbeat.seconds_before
    if cli.best.best_model_score is not None:
        metrics[f"{cli.best.monitor}_best"] = cli.best.best_model_score.item()
    if "test_s" in metrics:  # first, so that no figure is stored that no ledger counts
        add_look(run.root, _look(cli, totals))
    write_atomic(run.checkpoint_dir / "model.pt", packed(_saved_part(cli.model).state_dict()))
    _keep_outputs(run.log_dir / "predictions.npz", totals)
    write_json(run.log_dir / "metrics.json", dict(sorted(metrics.items())))
    (run.log_dir / "traceback.txt").unlink(missing_ok=True)  # of a session before
    compared = {
        name: value
        for name, value in metrics.items()
        if name.endswith("_best") or name in totals.tested
    }
    log_results(cli.trainer, compared)
    folder = picture_folder(cli.trainer) or run.log_dir
    longer = _longer(cli.trainer, bool(cli.config.trainer.max_time))
    outcome = describe(cli.model, metrics)
    kept, target = "last" if cli.best.takes_last else "best", cli.config.target
    early, tested = cli.ended_early, totals.tested
    return _summary(run, folder, metrics, longer, target, tested, outcome, kept, early)


def _saved_part(model: LightningModule) -> nn.Module:
    """Find what is saved for use without the task: what that calls its `network`, else itself."""
    network = getattr(model, "network", None)
    return network if isinstance(network, nn.Module) else model


def _keep_outputs(path: Path, totals: Totals) -> None:
    if not totals.outputs:
        path.unlink(missing_ok=True)  # they would be of another state
        return
    write_atomic(path, packed_arrays(totals.outputs))


def _look(cli: TrainCLI, totals: Totals) -> dict[str, Any]:
    """Describe the test of a run for the ledger."""
    record = RunRecord(cast(Run, cli.run))
    tested = cli.best.best_model_path
    return {
        "by": "src.train",
        "run": record.name,
        "seed": record.seed,
        "commit": record.overview.get("commit", ""),
        "config": record.config,
        "network": file_digest(Path(tested)) if tested else f"{record.name}, untold",
        "metrics": totals.tested,
        "samples": totals.metrics.get("test_samples"),
    }


def _longer(trainer: Trainer, timed: bool) -> str:
    """Name the options with which a training of twice the length begins where this one ended."""
    limits = {"epochs": trainer.max_epochs or -1, "steps": trainer.max_steps}
    options = [f"--trainer.max_{unit} {2 * end}" for unit, end in limits.items() if end > 0]
    if timed:  # the time that has passed is in the checkpoint
        options = options or [f"--trainer.max_epochs {2 * trainer.current_epoch}"]
        options.append("--trainer.max_time null")
    return " ".join(options)


def _summary(
    run: Run,
    folder: Path,
    metrics: Mapping[str, float],
    longer: str,
    target: str | None = None,
    tested: Mapping[str, float] | None = None,
    outcome: Mapping[str, str] | None = None,
    kept: str = "best",
    early: str = "",
) -> str:
    """Write the table of what was reached, what it took, where all is and how to continue."""
    best = [
        f"{name.removesuffix('_best')} {number_text(value)}"
        for name, value in metrics.items()
        if name.endswith("_best")
    ]
    rate = metrics.get("train/samples_per_s")
    parts = [part for part in ("startup", "fit", "test") if f"{part}_s" in metrics]
    checkpoints = shown(run.checkpoint_dir)
    pictures, states = _names(folder, "*.png"), _names(run.checkpoint_dir, "*.ckpt")
    epochs, steps = int(metrics["epochs"]), int(metrics["steps"])
    rows = {
        **(outcome or {"test": _test(tested or {}, metrics.get("test_samples"))}),
        f"{kept} state": ", ".join(best),
        "training": f"{steps:,} steps in {epochs} epoch{'s' * (epochs != 1)}"
        + (f", {rate:,.0f} samples/s" if rate else ""),
        "ended early": early,
        "target": f"{target} {_reached(metrics)}" if target else "",
        "seconds": ", ".join(f"{metrics[f'{part}_s']:.1f} {part}" for part in parts),
        "weights": f"{checkpoints}/model.pt",
        "checkpoints": f"{checkpoints}/{states}" if states else "",
        "they carry": _carried(run) if states else "",
        "records": f"{shown(run.log_dir)}/config.yaml, metrics.json, provenance.json",
        "pictures": f"{shown(folder)}/{pictures}" if pictures else "",
        "see curves": f"{python()} -m tensorboard.main --logdir {shown(folder.parent)}"
        if _names(folder, "events*")
        else "",
        "continue": f"{run.resume_command} {longer}" if states else "",
    }
    return entries(rows)


def _carried(run: Run) -> str:
    """Say which uncommitted changes are in each checkpoint, whoever it is given to."""
    found = [session["git"].get("carries", "") for session in RunRecord(run).sessions]
    return "; then ".join(f"uncommitted changes, {each}" for each in dict.fromkeys(found) if each)


def _reached(metrics: Mapping[str, float]) -> str:
    if "to_target_s" not in metrics:
        return "not reached"
    steps, samples = int(metrics["to_target_steps"]), int(metrics.get("to_target_samples", 0))
    told = f", {samples:,} samples" if samples else ""
    return f"reached in {metrics['to_target_s']:.1f} s, {steps:,} steps{told}"


def _test(tested: Mapping[str, float], count: float | None) -> str:
    found = [f"{name.removeprefix('test/')} {value:.4g}" for name, value in tested.items()]
    told = f" ({int(count):,} samples)" if found and count else ""
    return ", ".join(found) + told


def _names(folder: Path, pattern: str) -> str:
    return ", ".join(sorted(file.name for file in folder.glob(pattern)))
