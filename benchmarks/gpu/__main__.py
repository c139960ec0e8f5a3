"""Measure on a GPU: `python -m benchmarks.gpu`; docs/gpu.md says how.

This process loads nothing but Python's own library, so that a package that does not work ends a
part, not the measurement.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from benchmarks.gpu.guarded import NO_TIME, Method, Part, run_parts
from benchmarks.gpu.table import table

ROOT = Path(__file__).parents[2]
# Name, time without which it is not begun, time after which it is stopped [s].
PARTS = (
    ("machine", 0, 120),
    ("tests", 15, 100),
    ("speed", 30, 180),
    ("resume_deterministic", 25, 60),
    ("resume", 25, 60),
    ("bf16", 20, 60),
    ("compile", 30, 90),
    ("resident", 20, 60),
    ("memory", 15, 40),
    ("ddp", 20, 60),
    ("step", 20, 60),
)


def command_line() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--prepare", type=Path, metavar="FOLDER", help="fill it, measure nothing")
    parser.add_argument(
        "--has",
        type=Path,
        default=Path(__file__).with_name("machine.txt"),
        help="with --prepare: packages of the machine, as `pip freeze` lists them",
    )
    parser.add_argument("--brought", type=Path, metavar="FOLDER", help="what --prepare has filled")
    parser.add_argument("--data_dir", type=Path, default=Path("data"))
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks", help="folder of results")
    parser.add_argument("--deadline_s", type=float, default=480.0, help="time for all parts")
    names = [name for name, _, _ in PARTS]
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=names,
        default=names,
        help="only these; what --out has of the same machine stays",
    )
    parser.add_argument(
        "--reduced", action="store_true", help="synthetic images, few steps, any device"
    )
    return parser.parse_args()


def place(given: argparse.Namespace, work: Path) -> Path:
    """Unpack what was brought along, for this process and those that it starts.

    Args:
        given: The command line.
        work: Folder that may be filled.

    Returns:
        Folder of the data set.
    """
    data, site = work / "data", work / "site"
    if given.brought:
        shutil.copytree(given.brought / "data", data)
        wheels = [str(path.resolve()) for path in given.brought.glob("wheels/*.whl")]
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
        if wheels:
            subprocess.run([*install, "--target", str(site), *wheels], check=True)
    elif not given.reduced:
        data = given.data_dir.resolve()
    path = [str(site), str(ROOT), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, path))
    # What a training remembers of packages is not to change what the user's own remember.
    os.environ["XDG_STATE_HOME"] = str(work / "state")
    return data


def measured_before(file: Path, machine: dict[str, Any]) -> dict[str, Any]:
    """Read what an earlier measurement found on the same machine.

    Args:
        file: Its results.
        machine: Result of the part `machine` today.

    Returns:
        Its parts; none if another card or other packages were measured.
    """
    if not file.exists():
        return {}
    results: dict[str, Any] = json.loads(file.read_text())
    before, now = (it["rows"].get("machine", {}) for it in (results["machine"], machine))
    same = {"date", "commit"} >= {it for it in {*before, *now} if before.get(it) != now.get(it)}
    return results if same else {}


def write(path: Path, text: str) -> None:
    """Write a file that is whole at any time."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text)
    part.replace(path)


def main() -> None:
    """Measure and write after each part."""
    began = time.monotonic()
    given = command_line()
    if given.prepare:
        from benchmarks.gpu.bring import prepare

        prepare(given.prepare, given.has, given.data_dir)
        return
    given.out.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as work, (given.out / "gpu.log").open("wb") as log:
        for name, result in measure(given, Path(work), log, began + given.deadline_s):
            print(f"{name}: {result['status']}, {result['seconds']} s", flush=True)
            if name == "machine":
                commit = result["rows"].get("machine", {}).get("commit", "unknown")
                results = measured_before(given.out / "gpu.json", result)
            if result["status"] != NO_TIME or name not in results:
                results[name] = result | {"commit": commit}
            results = {name: results[name] for name, _, _ in PARTS if name in results}
            write(given.out / "gpu.json", json.dumps(results, indent=1) + "\n")
            write(given.out / "gpu.md", table(results))
    print(table(results))
    if any(result["status"] != "done" for result in results.values()):
        sys.exit(1)


def measure(
    given: argparse.Namespace, work: Path, log: IO[bytes], until_s: float
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Measure part by part.

    Args:
        given: The command line.
        work: Folder that may be filled.
        log: Where all that the parts say goes.
        until_s: When all must have ended, on `time.monotonic()` [s].

    Yields:
        Name and result of each; nothing after a machine where nothing can be measured.
    """
    options = ["--data_dir", str(place(given, work)), *(["--reduced"] if given.reduced else [])]
    patience = 10 if given.reduced else 1  # any machine shall do
    machine, *parts = (
        Part(name, "benchmarks.gpu.parts:main", ([name, *options],), least_s, patience * limit_s)
        for name, least_s, limit_s in PARTS
        if name in ("machine", *given.parts)
    )
    multiprocessing.set_forkserver_preload(["benchmarks.gpu.preloaded"])
    methods: list[Method] = ["forkserver", "spawn"]  # CUDA may not outlive a fork
    for method in methods:
        _, result = found = next(run_parts([machine], until_s, log, method))
        if result["status"] == "done":
            yield found
            yield from run_parts(parts, until_s, log, method)
            return
    yield found


if __name__ == "__main__":
    main()
