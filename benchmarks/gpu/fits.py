"""Trainings inside this process, and their figures."""

import json
import statistics
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks.gpu.guarded import left_s
from src.train import main as train

ONE_LAYER = ["--model.network=tests.one_layer.OneLayer"]
Figures = dict[str, Any]


class Setting(NamedTuple):
    """What the parts have in common.

    Attributes:
        data_dir: Folder of the data set.
        reduced: Whether a few synthetic images shall do.
    """

    data_dir: Path
    reduced: bool

    @property
    def rounds(self) -> int:
        """How often what is compared is measured, if there is time."""
        return 1 if self.reduced else 3

    @property
    def batch_size(self) -> int:
        """Images in a batch: that of `default.yaml`."""
        return 20 if self.reduced else 128

    @property
    def data(self) -> list[str]:
        """Options that choose the images."""
        tiny = ["--data=tests.tiny_mnist.TinyMNIST"] if self.reduced else []
        return [*tiny, f"--data.batch_size={self.batch_size}"]

    @property
    def words(self) -> list[str]:
        """Options of a training inside this process: without pictures; reduced, of one layer."""
        return [
            *self.data,
            f"--data.data_dir={self.data_dir}",
            "--trainer.callbacks=null",
            "--trainer.callbacks+=Throughput",
            *(ONE_LAYER if self.reduced else []),
        ]


def fit(words: list[str], folder: Path | None = None) -> Figures:
    """Train in this process.

    Args:
        words: Options of `src.train`.
        folder: Where it writes; None is a folder that is removed.

    Returns:
        `fit_s`, `images_per_s` of the last epoch, `test_acc`, and `gpu_memory_mib` on a GPU.
    """
    if folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            return fit(words, Path(temporary))
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    folder.mkdir(exist_ok=True)
    with chdir(folder):
        train(words)
    metrics = json.loads((folder / "lightning_logs/version_0/metrics.json").read_text())
    names = {
        **{"fit_s": "fit_s", "train/samples_per_s": "images_per_s"},
        **{"test/acc": "test_acc", "gpu_memory_mib": "gpu_memory_mib"},
    }
    return {told: metrics[name] for name, told in names.items() if name in metrics}


def interleaved(
    variants: dict[str, Callable[[int], Figures]], rounds: int
) -> Iterator[dict[str, Figures]]:
    """Measure variants in turn, forwards and backwards, so that none is always the first.

    Args:
        variants: What measures one, given the number of the round; one that fails is left out
            from then on.
        rounds: How often each is measured; no round is begun that would end too late, if it took
            as long as the longest one before.

    Yields:
        After each measurement, of each variant the medians, mean and standard deviation of
        `test_acc`, number of runs, and how much faster it is than the first: the median over
        the rounds that both have; of one that failed, `failed` besides.

    Raises:
        RuntimeError: One has failed; all have been measured.
    """
    found: dict[str, list[Figures]] = {name: [] for name in variants}
    failed: dict[str, str] = {}
    longest_s = 0.0
    for number in range(rounds):
        began_s = left_s()
        if number and longest_s > began_s:
            break
        for name in list(variants)[:: -1 if number % 2 else 1]:
            if name in failed:
                continue
            try:
                found[name].append(variants[name](number))
            except (Exception, SystemExit) as error:  # a training ends by the latter
                traceback.print_exc()
                failed[name] = f"{type(error).__name__}: {error}".splitlines()[-1][:300]
            first = found[next(iter(variants))]
            rows = {it: summary(runs, first) for it, runs in found.items() if runs}
            yield rows | {it: rows.get(it, {}) | {"failed": why} for it, why in failed.items()}
        longest_s = max(longest_s, began_s - left_s())
    if failed:
        raise RuntimeError(f"{', '.join(failed)} failed")


def summary(runs: list[Figures], first: list[Figures]) -> Figures:
    """Sum up the runs of a variant.

    Args:
        runs: Its figures.
        first: Those of the variant that it is compared with, of the same rounds.

    Returns:
        Figures, `runs`, and `times_as_fast` where there is a speed.
    """
    row: Figures = {}
    for name in runs[0]:
        values = [run[name] for run in runs]
        row[name] = statistics.median(values)
        if name == "test_acc":
            row[name] = statistics.mean(values)
            if len(values) > 1:
                row["test_acc_sd"] = statistics.stdev(values)
    row["runs"] = len(runs)
    pairs = list(zip(runs, first, strict=False))
    if runs is not first and pairs:
        row["times_as_fast"] = statistics.median(_speed(a) / _speed(b) for a, b in pairs)
    return row


def _speed(run: Figures) -> float:
    return float(run.get("images_per_s") or 1 / run["step_us"])
