"""This project beside what a user would pick instead: interleaved processes, medians, ratios.

Run by `make bench` or `python -m benchmarks.speed`; `--check` ends with exit code 1 where a ratio
that `docs/performance.md` claims does not hold. Writes `benchmarks/speed.md` and `speed.json`.
"""

import argparse
import importlib.util
import json
import math
import os
import platform
import pty
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch

from src.engine.jobs.machine import processors
from src.train import DEFAULT

HERE = Path(__file__).parent
EPOCH = 55_000  # images; the notebook trains on 60,000, so its seconds are of as many
CLOSE_RUNS = 7  # of those whose difference is small, and seeds of fast.yaml


class Contestant(NamedTuple):
    """A program that trains once.

    Attributes:
        name: What it is.
        words: Module and its arguments, but for seed and data.
        runs: How often it is run; None is in each round.
        env: Environment variables.
    """

    name: str
    words: list[str]
    runs: int | None = None
    env: dict[str, str] = {}  # noqa: RUF012  # never changed


class Measured(NamedTuple):
    """What one run took: images/s of its last epoch, seconds, memory [MiB], test accuracy."""

    images_per_s: float
    fit_s: float
    wall_s: float
    memory_mib: float
    test_acc: float


OURS, RAW, NOTEBOOK, PLAIN = "src.train", "raw loop", "the notebook", "plain Lightning"
FAST, RAW_FAST = "src.train, fast.yaml", "raw loop, recipe of fast.yaml"
LINEAR = ("src.train, one layer", "raw loop, one layer", "plain Lightning, one layer")
KERAS = "Keras"


def contestants() -> list[Contestant]:
    """List the programs, Keras only where it is installed.

    Returns:
        Them, in the order in which every other round runs them.
    """
    train = ["src.train", "--data.batch_size=100", "--config"]
    raw, plain = ("benchmarks.peers.raw_loop", "benchmarks.peers.plain_lightning")
    fast_yaml = str(DEFAULT.with_name("fast.yaml"))
    linear = ["--model.network=tests.one_layer.OneLayer", "--trainer.max_epochs=2"]
    found = [
        Contestant(OURS, [*train, str(DEFAULT)], CLOSE_RUNS),
        Contestant(RAW, [raw], CLOSE_RUNS),
        Contestant(NOTEBOOK, ["benchmarks.peers.notebook"]),
        Contestant(PLAIN, [plain]),
        Contestant(FAST, ["src.train", "--config", fast_yaml], CLOSE_RUNS),
        Contestant(RAW_FAST, [raw, "--recipe=fast", "--epochs=1", "--batch_size=128"], CLOSE_RUNS),
        Contestant(LINEAR[0], [*train, str(DEFAULT), *linear]),
        Contestant(LINEAR[1], [raw, "--net=linear"]),
        Contestant(LINEAR[2], [plain, "--net=linear", "--epochs=1"]),
    ]
    if importlib.util.find_spec("keras"):
        backend = "jax" if importlib.util.find_spec("jax") else "torch"
        env = {"KERAS_BACKEND": backend}
        found.append(Contestant(f"{KERAS}, {backend}", ["benchmarks.peers.keras_cnn"], env=env))
    return found


def measure(contestant: Contestant, seed: int, data_dir: Path) -> Measured:
    """Run a contestant in a folder of its own, on a terminal, so that its bar is drawn.

    Args:
        contestant: What to run.
        seed: Seed of the run.
        data_dir: Folder of the data set.

    Returns:
        What it took.
    """
    ours = contestant.words[0] == "src.train"
    data = f"--data.data_dir={data_dir}" if ours else f"--data_dir={data_dir}"
    chosen = f"--seed_everything={seed}" if ours else f"--seed={seed}"
    command = [sys.executable, "-m", *contestant.words, chosen, data]
    path = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, **contestant.env, "PYTHONPATH": path, "COLUMNS": "120"}
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        text, memory_mib = _on_terminal(command, folder, environment)
        wall_s = time.perf_counter() - began
        if ours:
            run = Path(folder) / "lightning_logs" / "version_0"
            found = json.loads((run / "metrics.json").read_text())
            rate, accuracy = found["train/samples_per_s"], found["test/acc"]
        else:
            found = json.loads(re.findall(r'{"images_per_s".*?}', text)[-1])
            rate, accuracy = found["images_per_s"][-1], found["test_acc"]
    return Measured(rate, found["fit_s"], wall_s, memory_mib, accuracy)


def _on_terminal(command: list[str], folder: str, env: dict[str, str]) -> tuple[str, float]:
    """Run a command; return what it wrote and its peak memory [MiB]."""
    ours, its = pty.openpty()
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=its, stderr=its)
    os.close(its)
    written = b""
    with suppress(OSError):  # the end of a terminal
        while part := os.read(ours, 65536):
            written += part
    os.close(ours)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    text = written.decode(errors="replace")
    if process.returncode:
        sys.exit(f"error: {' '.join(command)} failed:\n{text[-3000:]}")
    return text, usage.ru_maxrss / 1024


def median(runs: list[Measured], part: str) -> float:
    """Take the median of one of the values of several runs."""
    return statistics.median(getattr(run, part) for run in runs)


def ratio(slow: list[Measured], fast: list[Measured], part: str = "images_per_s") -> float:
    """Compare runs of the same rounds.

    Args:
        slow: Runs that are thought to take more time.
        fast: Runs that are thought to take less.
        part: What is compared, a time or `images_per_s`.

    Returns:
        Median over the rounds of how many times as long `slow` took.
    """
    pairs = [(getattr(a, part), getattr(b, part)) for a, b in zip(slow, fast, strict=False)]
    return statistics.median(b / a if part == "images_per_s" else a / b for a, b in pairs)


def table(found: dict[str, list[Measured]]) -> str:
    """Write the medians as Markdown.

    Args:
        found: Runs by contestant.

    Returns:
        A row for each contestant.
    """
    lines = [
        "| | epoch | images/s | fit | process | memory | test accuracy | runs |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, runs in found.items():
        rate = median(runs, "images_per_s")
        accuracies = [100 * run.test_acc for run in runs]
        spread = f" +- {statistics.stdev(accuracies):.2f}" if len(runs) > 1 else ""
        lines.append(
            f"| {name} | {EPOCH / rate:.2f} s | {rate:,.0f} | {median(runs, 'fit_s'):.1f} s "
            f"| {median(runs, 'wall_s'):.1f} s | {median(runs, 'memory_mib'):,.0f} MiB "
            f"| {statistics.mean(accuracies):.2f}{spread}% | {len(runs)} |"
        )
    return "\n".join(lines)


def claims(found: dict[str, list[Measured]]) -> list[tuple[str, bool]]:
    """Compare what was measured with what is claimed.

    Args:
        found: Runs by contestant.

    Returns:
        What was measured beside its bound, and whether it holds.
    """
    checked: list[tuple[str, bool]] = []

    def claim(what: str, value: float, low: float = 0.0, high: float = math.inf) -> None:
        bound = f"at least {low:.4g}" if math.isinf(high) else f"at most {high:.4g}"
        checked.append((f"{what}: {value:.4g}, {bound}", low <= value <= high))

    ours, fast = found[OURS], found[FAST]
    claim("epoch / raw loop", ratio(ours, found[RAW]), high=1.10)
    claim("epoch of plain Lightning / epoch", ratio(found[PLAIN], ours), low=2.5)
    claim("epoch of the notebook / epoch", ratio(found[NOTEBOOK], ours), low=2.0)
    peers = [name for name in found if name in (NOTEBOOK, PLAIN) or name.startswith(KERAS)]
    accuracy = statistics.mean(run.test_acc for run in ours)
    for name in peers:
        theirs = statistics.mean(run.test_acc for run in found[name])
        claim(f"test accuracy, {name}: {theirs:.4f}, src.train", accuracy, low=theirs)
        wall = ratio(fast, found[name], "wall_s")
        claim(f"process of fast.yaml / {name}", wall, high=0.5)
    mean = statistics.mean(run.test_acc for run in fast)
    claim(f"mean test accuracy of fast.yaml ({len(fast)} seeds)", mean, low=0.99)
    claim("fit of fast.yaml [s]", median(fast, "fit_s"), high=10.0)
    return checked


def overhead(found: dict[str, list[Measured]]) -> str:
    """Tell what a step costs beyond that of a raw loop, with a network that costs hardly anything.

    Args:
        found: Runs by contestant.

    Returns:
        A sentence.
    """
    step_us = {name: 1e8 / median(found[name], "images_per_s") for name in LINEAR}  # of 100 images
    ours, raw, plain = (step_us[name] for name in LINEAR)
    return (
        f"With one linear layer a step of 100 images takes {raw:.0f} us in the raw loop, "
        f"{ours - raw:.0f} us more in src.train, {plain - raw:.0f} us more in plain Lightning."
    )


def machine() -> str:
    """Name what the figures depend on."""
    cpu = platform.processor() or platform.machine()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.partition(": ")[2] for line in lines if "model name" in line), cpu)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return (
        f"{cpu}, {processors()} processors, {torch.backends.cpu.get_cpu_capability()}, {gpu}, "
        f"32-bit; Python {platform.python_version()}, torch {torch.__version__}"
    )


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contestant")
    parser.add_argument("--data_dir", type=Path, default=Path("data"))
    parser.add_argument("--check", action="store_true", help="fail where a claim does not hold")
    given = parser.parse_args()
    found: dict[str, list[Measured]] = {contestant.name: [] for contestant in contestants()}
    for number in range(max(given.rounds, CLOSE_RUNS)):
        for contestant in contestants()[:: 1 if number % 2 else -1]:  # none is always the first
            if number < (contestant.runs or given.rounds):
                run = measure(contestant, number + 1, given.data_dir.resolve())
                found[contestant.name].append(run)
                print(f"{number + 1} {contestant.name}: {run}", file=sys.stderr)
    checked = claims(found)
    lines = [f"- {'holds' if holds else 'DOES NOT HOLD'}: {what}" for what, holds in checked]
    here = machine()
    about = (
        f"{here}. Medians of interleaved processes, batch 100 (fast.yaml: 128); "
        "an epoch is 55,000 images."
    )
    text = "\n".join([about, "", table(found), "", overhead(found), "", *lines, ""])
    content: dict[str, Any] = {
        "machine": here,
        "runs": {name: [run._asdict() for run in runs] for name, runs in found.items()},
    }
    (HERE / "speed.md").write_text(text)
    (HERE / "speed.json").write_text(json.dumps(content, indent=1) + "\n")
    print(text)
    if given.check and not all(holds for _, holds in checked):
        sys.exit(1)


if __name__ == "__main__":
    main()
