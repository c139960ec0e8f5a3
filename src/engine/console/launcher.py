"""Who started this process: a user, or torchrun or SLURM's srun, as one of several."""

import os
import shlex
from pathlib import Path
from typing import NamedTuple

from src.engine.console.shown import python


class Launch(NamedTuple):
    """What a launcher has started.

    Attributes:
        name: Its command.
        processes: Number of processes, over all machines.
        machines: Number of machines.
    """

    name: str
    processes: int
    machines: int


def launched() -> Launch | None:
    """Tell which launcher has started this process as one of several; None if none has.

    Processes that Lightning starts by itself do not count, nor does a SLURM job as such: its
    variables are also set in the shell of a job, in which commands are typed.
    """
    given = os.environ
    if "TORCHELASTIC_RUN_ID" in given:
        return Launch("torchrun", int(given["WORLD_SIZE"]), int(given["GROUP_WORLD_SIZE"]))
    tasks = int(given.get("SLURM_STEP_NUM_TASKS", "1"))
    if tasks > 1 and "SLURM_PTY_PORT" not in given:  # which a shell of `srun --pty` has
        return Launch("srun", tasks, int(given["SLURM_STEP_NUM_NODES"]))
    return None


def speaks() -> bool:
    """Tell whether this process speaks for all on its terminal; srun has one for all machines."""
    launch = launched()
    rank = "SLURM_PROCID" if launch and launch.name == "srun" else "LOCAL_RANK"
    return os.environ.get(rank, "0") == "0"


def module_command(module: str) -> str:
    """Write the beginning of a command that starts a module as this process was started.

    Args:
        module: Name of the module.

    Returns:
        `python -m` and the module, with the launcher, as on this machine, before it.
    """
    launch = launched()
    if launch is None:
        return f"{python()} -m {module}"
    if launch.name == "torchrun":
        return f"{_torchrun(launch, module)} -m {module}"
    tasks = launch.processes // launch.machines
    return f"srun --nodes={launch.machines} --ntasks-per-node={tasks} {python()} -m {module}"


def _torchrun(launch: Launch, module: str) -> str:
    """Give the words of torchrun that started this process, which the others may have otherwise."""
    try:
        words = Path(f"/proc/{os.getppid()}/cmdline").read_text().split("\0")
    except OSError:  # not Linux
        words = []
    places = [place for place in range(1, len(words)) if words[place] == module]
    if not places:
        return (
            f"torchrun --nnodes={launch.machines} --nproc-per-node={os.environ['LOCAL_WORLD_SIZE']}"
        )
    begin = words[: places[0] - 1]
    if Path(begin[1]).name == "torchrun":
        begin = ["torchrun", *begin[2:]]
    return shlex.join(begin)
