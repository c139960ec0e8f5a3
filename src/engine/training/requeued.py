"""A training that a job of SLURM began, and continues when SLURM runs the job again."""

import os
from contextlib import suppress
from pathlib import Path

from src.engine.console.command_line import CommandLine
from src.engine.console.note import note
from src.engine.console.slurm import JOB, runs_again
from src.engine.files.run import Run
from src.engine.records.masked_settings import given_again
from src.engine.records.provenance import own_command
from src.engine.records.run_record import RunRecord


def in_this_job(words: list[str], given: CommandLine) -> list[str] | None:
    """Continue what the same command has begun before in the same job of SLURM.

    Args:
        words: Words of the command.
        given: The same, split.

    Returns:
        Words that do that, the given ones if nothing is to be continued; None if all is done.
    """
    if given.ckpt_path or not runs_again():
        return words
    for run in reversed(Run.all(Path(given.root))):
        record = RunRecord(run)
        if not _is_of(record):
            continue
        if record.status == "finished":
            note(f"{record.name} of this job is finished: nothing is left to do")
            return None
        if run.has_state:
            debug = ["--debug"] if "--debug" in words else []
            return ["--ckpt_path", str(run.checkpoint_dir), *given_again(given), *debug]
    return words


def _is_of(record: RunRecord) -> bool:
    """Tell whether this command, in this job, trained last in a run."""
    with suppress(ValueError):  # damaged, and perhaps somebody else's
        last = record.sessions[-1:]
        this = os.environ[JOB], own_command()
        return bool(last) and (last[0].get("job"), last[0]["command"]) == this
    return False
