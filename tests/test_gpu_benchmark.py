"""The measurement on a GPU, on synthetic images without one, so that no second there is lost."""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from benchmarks.gpu.__main__ import PARTS
from benchmarks.gpu.bring import missing, pack, versions
from benchmarks.gpu.fits import interleaved
from benchmarks.gpu.guarded import NO_TIME, Part, run_parts
from benchmarks.gpu.parts import FUNCTIONS
from benchmarks.gpu.table import table
from benchmarks.peers import outcome, raw_loop
from src.data.files import ensure_files
from tests.tiny_mnist import TinyMNIST, write_files

ROOT = Path(__file__).parents[1]
SAYS = 'print(\'{"what": {"seconds": 2}}\', flush=True)'


def run(*programs: str, limit_s: float = 20, left_s: float = 60) -> list[dict[str, Any]]:
    parts = [
        Part(str(number), "builtins:exec", (text,), 5, limit_s)
        for number, text in enumerate(programs)
    ]
    with Path(os.devnull).open("wb") as log:
        until_s = time.monotonic() + left_s
        return [result for _, result in run_parts(parts, until_s, log, "forkserver")]


@pytest.mark.slow
def test_every_part_gives_a_result_without_a_gpu(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.gpu", "--reduced", "--deadline_s=1500"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    options: dict[str, Any] = {"cwd": ROOT, "env": environment, "capture_output": True}
    done = subprocess.run([*command, f"--out={tmp_path}"], check=False, text=True, **options)
    log = (tmp_path / "gpu.log").read_text()
    assert done.returncode == 0, done.stdout + done.stderr + log[-5000:]
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert [*found] == [name for name, _, _ in PARTS]
    assert all(part["status"] == "done" and part["rows"] for part in found.values())
    assert found["resume"]["rows"]["continued after kill -9"]["same bits"]
    assert found["step"]["rows"]["CUDA graph"] == {"needs": "CUDA"}
    assert (tmp_path / "gpu.md").read_text() == table(found)


def test_every_part_has_its_time() -> None:
    assert [*FUNCTIONS] == [name for name, _, _ in PARTS]
    assert all(least_s < limit_s for _, least_s, limit_s in PARTS)


def test_part_that_fails_loses_no_other() -> None:
    failed, whole = run(f"{SAYS}; raise ValueError('broken')", SAYS)
    assert failed["status"] == "failed: ValueError: broken"
    assert failed["rows"] == whole["rows"] == {"what": {"seconds": 2}}
    assert whole["status"] == "done"


def test_part_that_hangs_loses_no_other() -> None:
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    hung, whole = run(f"{SAYS}; print('{{half', end='', flush=True); {child}", SAYS, limit_s=2)
    assert hung["status"] == "stopped after 2 s"
    assert hung["rows"] == whole["rows"] == {"what": {"seconds": 2}}
    assert 2 <= hung["seconds"] < 15


def test_part_that_is_killed_or_silent_has_failed() -> None:
    killed, silent = run("import os; os.kill(os.getpid(), 9)", "pass")
    assert killed["status"] == "failed: exit code -9"
    assert silent["status"] == "failed: it found nothing"


def test_part_starts_its_own_processes_as_ever() -> None:
    usual = multiprocessing.get_start_method()
    (part,) = run("import multiprocessing as m; print(f'{{\"{m.get_start_method()}\": 1}}')")
    assert part["rows"] == {str(usual): 1}


def test_part_without_time_is_skipped() -> None:
    (skipped,) = run(SAYS, left_s=4)
    assert skipped == {"status": NO_TIME, "seconds": 0.0, "rows": {}}


def test_variants_are_compared_round_by_round() -> None:
    rates = {"slow": [10.0, 20.0, 30.0], "fast": [20.0, 60.0, 60.0]}
    called = []

    def measure(name: str, number: int) -> dict[str, float]:
        called.append(name)
        return {"images_per_s": rates[name][number], "test_acc": rates[name][number] / 100}

    variants = {name: lambda number, name=name: measure(name, number) for name in rates}
    *_, last = interleaved(variants, 3)
    assert called == ["slow", "fast", "fast", "slow", "slow", "fast"]
    assert last["fast"]["images_per_s"] == 60
    assert last["fast"]["times_as_fast"] == 2
    assert last["slow"]["test_acc_sd"] == pytest.approx(0.1)


@pytest.mark.parametrize("failure", [ValueError("line\nbroken"), SystemExit("line\nbroken")])
def test_variant_that_fails_loses_no_other(failure: BaseException) -> None:
    def broken(number: int) -> dict[str, float]:
        if number:
            raise failure
        return {"step_us": 10.0}

    rows: list[dict[str, Any]] = []
    with pytest.raises(RuntimeError, match="broken one failed"):
        rows.extend(interleaved({"broken one": broken, "whole": lambda _: {"step_us": 5.0}}, 3))
    assert rows[-1]["broken one"] == {"step_us": 10.0, "runs": 1, "failed": "broken"}
    assert rows[-1]["whole"] == {"step_us": 5.0, "runs": 3, "times_as_fast": 2.0}


def test_only_what_the_machine_lacks_is_brought() -> None:
    there = ["torch==2.11.0+cu130", "PyYAML", "typing_extensions @ file:///x.whl", "# old", ""]
    needed = ["torch==2.11.0", "pyyaml==6.0", "typing-extensions==4.16.0", "jsonargparse==4.53.0"]
    assert missing(needed, there) == ["jsonargparse==4.53.0"]
    assert versions(there) == ["torch==2.11.0"]


def test_packed_data_is_whole(tmp_path: Path) -> None:
    write_files(tmp_path / "from")
    pack(tmp_path / "from", tmp_path / "to", TinyMNIST.checksums)
    ensure_files("MNIST", tmp_path / "to", TinyMNIST.checksums, download=False)
    assert all((tmp_path / "to" / f"{name}.gz").is_file() for name in TinyMNIST.checksums)


def test_graphed_loop_replays_every_step(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_files(tmp_path / "MNIST" / "raw")
    replays = []
    stream = SimpleNamespace(wait_stream=lambda other: None)
    for name, stand_in in {
        "Stream": lambda: stream,
        "current_stream": lambda: stream,
        "stream": nullcontext,
        "graph": nullcontext,
        "CUDAGraph": lambda: SimpleNamespace(replay=lambda: replays.append(1)),
    }.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    words = ["--graph", "--batch_size=50", "--net=linear", f"--data_dir={tmp_path}"]
    images, epochs_s, _, _ = raw_loop.train(outcome.words(words))
    assert (images, len(epochs_s), len(replays)) == (200, 2, 8)  # whole batches of 220 images
