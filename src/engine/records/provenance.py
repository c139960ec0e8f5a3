"""Where a result comes from: what ran, on what, with which code and data, as plain text."""

import importlib.metadata
import os
import platform
import re
import shlex
import subprocess
import sys
import sysconfig
from contextlib import suppress
from datetime import UTC, datetime
from difflib import unified_diff
from functools import cache
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, Trainer

from src.engine.console.device import device_name
from src.engine.console.masked import masked
from src.engine.console.slurm import JOB
from src.engine.records.config_file import differing
from src.engine.records.masked_settings import masked_words

SOURCE = Path(__file__).parents[3]
_MOST_DIFF = 1_000_000  # characters; of a larger one only the beginning is kept
_MOST_NAMES = 3  # of changed files that a summary names


def provenance(
    trainer: Trainer, data: LightningDataModule | None, weights: str = ""
) -> dict[str, Any]:
    """Record what a session of a run depends on, besides its configuration.

    Args:
        trainer: Trainer of the run.
        data: Its data set; `checksums` of its files are recorded if it has them.
        weights: What weights from elsewhere it began with.

    Returns:
        Time, step, command, `job` of SLURM, if any, `git` (commit, and status and diff of what is
        not committed), `inputs` (what decides the bits of the result) and all `packages`, in plain
        types.
    """
    return {
        "began": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "from_step": trainer.global_step,
        "command": own_command(),
        "git": code_state(SOURCE),
        "inputs": _inputs(trainer, data) | ({"weights": weights} if weights else {}),
        "packages": _packages(),
        **({"job": os.environ[JOB]} if JOB in os.environ else {}),
    }


def own_command() -> str:
    """Write the command of this process, without secrets."""
    return shlex.join([Path(sys.executable).name, *masked_words(sys.orig_argv[1:])])


def code_state(folder: Path) -> dict[str, str]:
    """Record the commit that the code is at and what differs from it.

    Args:
        folder: Folder of the code.

    Returns:
        `commit`, `status` (files that are changed or unknown to git), `diff` (with what has been
        loaded, from there or from the working directory, of files that are unknown), and `carries`,
        which says how much that is; each without secrets, and empty where there is nothing to say.
    """
    added = _unknown_code(folder.resolve(), _git(folder, "ls-files", "-z").split("\0"))
    parts = [_git(folder, "diff", "HEAD")] + [
        "\n".join(unified_diff([], text.splitlines(), "/dev/null", f"b/{name}", lineterm=""))
        for name, text in added.items()
    ]
    diff = "\n".join(filter(None, parts))
    if len(diff) >= _MOST_DIFF:  # the last line could be half a secret
        diff = diff[:_MOST_DIFF].rpartition("\n")[0] + "\n[cut]"
    return {
        "commit": _git(folder, "rev-parse", "HEAD"),
        "status": masked(_git(folder, "status", "--porcelain")),
        "diff": masked(diff),
        "carries": _carried(
            _git(folder, "diff", "HEAD", "--numstat").splitlines()
            + [f"{len(text.splitlines())}\t0\t{name}" for name, text in added.items()]
        ),
    }


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Say what two sessions do not have in common of what can change a result.

    Args:
        before: One provenance.
        now: Another.

    Returns:
        For each such thing, its name and both values.
    """
    found = [
        f"{name} {value or 'none'} -> {other or 'none'}"
        for name, (value, other) in differing(before["inputs"], now["inputs"]).items()
    ]
    old, new = (session["git"] for session in (before, now))
    if old["commit"] != new["commit"]:
        found.append(f"commit {old['commit'][:8] or 'none'} -> {new['commit'][:8] or 'none'}")
    if (old["status"], old["diff"]) != (new["status"], new["diff"]):
        found.append("uncommitted changes of the code")
    return found


@cache  # what is installed does not change while a process lasts
def _packages() -> dict[str, str]:
    found = [item.metadata for item in importlib.metadata.distributions()]  # each read is slow
    return dict(sorted((item["Name"].lower(), item["Version"]) for item in found))


def _inputs(trainer: Trainer, data: LightningDataModule | None) -> dict[str, str]:
    """List what decides the bits of a result besides configuration, code and seed."""
    checksums = getattr(data, "checksums", {})
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in ("torch", "lightning", "numpy")},
        "device": device_name(trainer.strategy.root_device),
        "threads": str(torch.get_num_threads()),
        "processes": str(trainer.world_size),
        **{f"data {name}": str(checksum) for name, checksum in checksums.items()},
    }


def _unknown_code(folder: Path, known: list[str]) -> dict[str, str]:
    """Read the modules of the user that are loaded and that git does not know, by their names."""
    places = f"{folder}{os.sep}", f"{Path.cwd()}{os.sep}"
    installed = re.compile(
        rf"{re.escape(sysconfig.get_path('stdlib'))}|.*[/\\](site|dist)-packages"
    )
    found = {}
    for file in sorted(
        {getattr(module, "__file__", None) or "" for module in sys.modules.values()}
    ):
        place = next(filter(file.startswith, places), None)
        if place is None or not file.endswith(".py") or installed.match(file):
            continue
        name = file.removeprefix(place)
        if place != places[0] or (any(known) and Path(name).as_posix() not in known):
            with suppress(OSError):  # it is inside of a zip, or gone
                found[name] = Path(file).read_text(errors="replace")
    return dict(sorted(found.items()))


def _carried(numstat: list[str]) -> str:
    """Sum up the changes that `git diff --numstat` lists."""
    rows = [line.split("\t", 2) for line in numstat]
    if not rows:
        return ""
    lines = sum(int(count) for row in rows for count in row[:2] if count != "-")  # "-": binary
    names = [masked(row[2]) for row in rows[:_MOST_NAMES]] + ["..."] * (len(rows) > _MOST_NAMES)
    counts = f"{len(rows)} file{'s' * (len(rows) != 1)}, {lines:,} line{'s' * (lines != 1)}"
    return f"{counts}: {', '.join(names)}"


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False
        )
    except OSError:
        return ""
    return done.stdout.strip("\n") if done.returncode == 0 else ""
