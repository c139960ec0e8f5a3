"""Who started this process: a user, or torchrun or SLURM's srun, as one of several."""

import os
from typing import NamedTuple


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
