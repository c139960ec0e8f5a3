"""The parts of the measurement; each is a process that prints what it has found so far.

Run by `python -m benchmarks.gpu`; one alone by `python -m benchmarks.gpu.parts NAME`.
"""

import argparse
import json
import multiprocessing
import os
import platform
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, suppress
from datetime import UTC, datetime
from functools import partial
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import torch

from benchmarks import speed
from benchmarks.gpu.fits import ONE_LAYER, Figures, Setting, fit, interleaved
from benchmarks.peers import outcome, raw_loop
from src.data import MNISTDataModule
from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.engine.checkpoints.digest import digest
from src.engine.jobs.machine import processors
from src.engine.records.provenance import code_state
from src.train import DEFAULT
from src.train import main as train

ROOT = Path(__file__).parents[2]
EXACT = ("state_dict", "optimizer_states", "lr_schedulers", "epoch_metrics", "metrics")
NEEDS_CUDA: Figures = {"needs": "CUDA"}
_POLL_S = 0.01


def machine(setting: Setting) -> Iterator[dict[str, Figures]]:
    """Name all that the figures depend on, and put the data set in its place."""
    import lightning

    cuda = torch.cuda.is_available()
    driver = "unknown"
    with suppress(OSError):
        query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        driver = subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()
    code = code_state(ROOT)
    commit = (code["commit"][:8] or "unknown") + (", changed" if code["diff"] else "")
    yield {
        "machine": {
            "card": torch.cuda.get_device_name() if cuda else "none",
            "driver": driver,
            "CUDA": torch.version.cuda if cuda else "none",
            "torch": torch.__version__,
            "lightning": lightning.__version__,
            "Python": platform.python_version(),
            "processors": processors(),
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "commit": commit,
            "reduced": setting.reduced,
        }
    }
    folder = setting.data_dir / "MNIST" / "raw"
    if setting.reduced:
        from tests.tiny_mnist import write_files

        write_files(folder)
    elif not cuda:
        raise OSError("torch finds no GPU; --reduced tries the parts without one")
    else:
        torch.zeros(1, device="cuda")  # a fork of a process that had used it could not
        MNISTDataModule(str(setting.data_dir)).prepare_data()


def tests(_: Setting) -> Iterator[dict[str, Figures]]:
    """Run the tests that need a GPU."""
    import pytest  # a user's machine may not have it

    mark, paths = "@pytest.mark.gpu", (ROOT / "tests").rglob("test_*.py")
    files = [str(path) for path in paths if mark in path.read_text()]  # others may not import
    bad = ("failure", "error", "skipped")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        quick = ["-m", "gpu", "-p", "no:cacheprovider", f"--junitxml={report}"]
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # whatever else is there
        with chdir(ROOT):
            code = pytest.main([*quick, *files])
        cases = list(ElementTree.parse(report).iter("testcase"))
    yield {
        case.attrib["name"]: {
            "result": next((part.tag for part in case if part.tag in bad), "passed"),
            "s": float(case.attrib["time"]),
        }
        for case in cases
    }
    if code:
        raise RuntimeError(f"pytest ended with {code}")


def speed_of_users(setting: Setting) -> Iterator[dict[str, Figures]]:
    """Train as users do, in whole processes, beside plain Lightning and the notebook."""
    ours = ["src.train", *setting.data, "--config"]
    batch = f"--batch_size={setting.batch_size}"
    peers = [it for it in speed.contestants() if it.name in (speed.PLAIN, speed.NOTEBOOK)]
    contestants = [
        speed.Contestant("default.yaml", [*ours, str(DEFAULT)]),
        speed.Contestant("fast.yaml", [*ours, str(DEFAULT.with_name("fast.yaml"))]),
        *(it._replace(words=[*it.words, batch]) for it in peers),
    ]

    def train(contestant: speed.Contestant, number: int) -> Figures:
        return speed.measure(contestant, number + 1, setting.data_dir)._asdict()

    return interleaved({it.name: partial(train, it) for it in contestants}, setting.rounds)


def resume(setting: Setting, deterministic: bool = False) -> Iterator[dict[str, Figures]]:
    """Kill a run by `kill -9`, continue it, and compare its bits with a run never stopped."""
    words = [
        *setting.words,
        "--trainer.callbacks=null",  # a speed is never the same
        "--data.augment=src.data.PerImageAffine",
        "--data.augment.shift_px=2",
        f"--trainer.deterministic={str(deterministic).lower()}",
        f"--trainer.max_epochs={20 if setting.reduced else 3}",
        f"--last.every_n_steps={7 if setting.reduced else 50}",
    ]
    with tempfile.TemporaryDirectory() as folder:
        whole, killed, again = (Path(folder) / name for name in ("whole", "killed", "again"))
        killed.mkdir()
        step = _kill(words, killed)
        continued = _begun(["--ckpt_path=last"], killed)
        continued.join()
        if continued.exitcode:
            raise RuntimeError(f"the continued run ended with {continued.exitcode}")
        fit(words, whole)
        expected = _bits(whole)
        differing = [part for part, bits in _bits(killed).items() if bits != expected[part]]
        found: Figures = {"same bits": not differing, "killed after step": step}
        rows = {"continued after kill -9": found | ({"other": differing} if differing else {})}
        yield rows
        if differing:  # is it the resume, or does no run repeat its bits?
            fit(words, again)
            yield rows | {"never stopped, run twice": {"same bits": _bits(again) == expected}}
    if differing and deterministic:
        raise ValueError(f"other bits in {', '.join(differing)}")


def _kill(words: list[str], folder: Path) -> int:
    """Train until a second state is saved, kill, and tell the step of the last state."""
    previous = folder / "checkpoints" / "version_0" / "previous.ckpt"
    process = _begun(words, folder)
    while process.is_alive() and not previous.exists():
        time.sleep(_POLL_S)
    process.kill()
    process.join()
    if process.exitcode != -signal.SIGKILL:
        raise RuntimeError(f"the run to be killed ended before, with {process.exitcode}")
    return int(read_checkpoint(previous)["global_step"])


def _begun(words: list[str], folder: Path) -> ForkProcess:
    """Begin a training in a fork of this process, which may not have used CUDA yet."""
    process = multiprocessing.get_context("fork").Process(target=_train, args=(words, folder))
    process.start()
    return process


def _train(words: list[str], folder: Path) -> None:
    with chdir(folder):
        train(words)


def _bits(folder: Path) -> dict[str, str]:
    state = read_checkpoint(folder / "checkpoints" / "version_0" / "last.ckpt")
    return {part: digest(state[part]) for part in EXACT}


def _compared(setting: Setting, variants: dict[str, list[str]]) -> Iterator[dict[str, Figures]]:
    """Fit with each set of options in turn, after one short fit that warms up."""
    fit([*setting.words, "--trainer.max_steps=5"])

    def train(words: list[str], number: int) -> Figures:
        torch.compiler.reset()
        return fit([*setting.words, *words, f"--seed_everything={number + 1}"])

    return interleaved(
        {name: partial(train, words) for name, words in variants.items()}, setting.rounds
    )


def bf16(setting: Setting) -> Iterator[dict[str, Figures]]:
    """Compare half precision with single."""
    return _compared(
        setting,
        {name: [f"--trainer.precision={name}"] for name in ("32-true", "bf16-mixed")},
    )


def compiled(setting: Setting) -> Iterator[dict[str, Figures]]:
    """Compare the modes of `torch.compile`: the first fit, which compiles, and then the speed."""
    modes = ("default", "reduce-overhead", "max-autotune")
    variants = {mode: [f"--model.compile={mode}"] for mode in modes}
    first_s: dict[str, float | None] = {}
    for rows in _compared(setting, {"not compiled": [], **variants}):
        first_s = {name: row.get("fit_s") for name, row in rows.items()} | first_s
        yield {name: row | {"first_fit_s": first_s[name]} for name, row in rows.items()}


def resident(setting: Setting) -> Iterator[dict[str, Figures]]:
    """Compare images that stay on the device with batches that are copied there."""
    copied = "--data.on_device=false"
    variants = {"resident": [], "copied": [copied]}
    if not setting.reduced:
        variants["copied by 4 workers"] = [copied, "--data.num_workers=4"]
    return _compared(setting, variants)


def memory(setting: Setting) -> Iterator[dict[str, Figures]]:
    """Measure the most memory of the device that a training takes."""
    variants = {
        "resident, 32-true": [],
        "resident, bf16-mixed": ["--trainer.precision=bf16-mixed"],
        "copied, 32-true": ["--data.on_device=false"],
        "resident, 32-true, batch 1024": ["--data.batch_size=1024"],
    }
    found: dict[str, Figures] = {}
    for name, words in variants.items():
        figures = fit([*setting.words, *words, "--trainer.max_steps=50"])
        peak = figures.get("gpu_memory_mib")
        found[name] = NEEDS_CUDA if peak is None else {"gpu_memory_mib": peak}
        yield found


def ddp(setting: Setting) -> Iterator[dict[str, Figures]]:
    """Compare one process of DDP with none."""
    one = ["--trainer.strategy=ddp", "--trainer.devices=1"]
    return _compared(setting, {"one process": one[1:], "one process of ddp": one})


def step(setting: Setting) -> Iterator[dict[str, Figures]]:
    """Compare a step with that of a hand-written loop, and with a CUDA graph of it: the limit."""
    fit([*setting.words, "--trainer.max_steps=5"])
    batch = setting.batch_size
    options = [f"--batch_size={batch}", f"--data_dir={setting.data_dir}"]

    def ours(words: list[str], _: int) -> Figures:
        return {"step_us": 1e6 * batch / fit([*setting.words, *words])["images_per_s"]}

    def raw(words: list[str], _: int) -> Figures:
        images, epochs_s = raw_loop.train(outcome.words([*options, *words]))[:2]
        return {"step_us": 1e6 * batch * epochs_s[-1] / images}

    variants: dict[str, Callable[[int], Figures]] = {
        "src.train": partial(ours, []),
        "src.train, one layer": partial(ours, ONE_LAYER),
        "raw loop": partial(raw, []),
        "raw loop, one layer": partial(raw, ["--net=linear"]),
    }
    missing: dict[str, Figures] = {}
    for name, words in {"CUDA graph": [], "CUDA graph, one layer": ["--net=linear"]}.items():
        if torch.cuda.is_available():
            variants[name] = partial(raw, [*words, "--graph"])
        else:
            missing[name] = NEEDS_CUDA
    for rows in interleaved(variants, setting.rounds):
        yield rows | missing


def main(words: list[str] | None = None) -> None:
    """Run one part; what it says goes to the standard error, its rows to the output.

    Args:
        words: Name of the part and options; None takes those of the process.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.parts", description=__doc__)
    parser.add_argument("part", choices=FUNCTIONS)
    parser.add_argument("--data_dir", type=Path, default=Path("data"))
    parser.add_argument("--reduced", action="store_true")
    given = parser.parse_args(words)
    rows_to = os.dup(1)
    os.dup2(2, 1)
    setting = Setting(given.data_dir.resolve(), given.reduced)
    for rows in FUNCTIONS[given.part](setting):
        os.write(rows_to, f"{json.dumps(rows)}\n".encode())


FUNCTIONS: dict[str, Callable[[Setting], Iterator[dict[str, Any]]]] = {
    "machine": machine,
    "tests": tests,
    "speed": speed_of_users,
    "resume_deterministic": partial(resume, deterministic=True),
    "resume": resume,
    "bf16": bf16,
    "compile": compiled,
    "resident": resident,
    "memory": memory,
    "ddp": ddp,
    "step": step,
}


if __name__ == "__main__":
    main()
