"""The processes of a run: those that a launcher has started, or those that Lightning starts."""

import os
from typing import Any

from lightning.fabric.plugins import ClusterEnvironment
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.lsf import LSFEnvironment
from lightning.fabric.plugins.environments.mpi import MPIEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch import Trainer

from src.engine.console.launcher import launched

_ALONE = {"MASTER_ADDR", "MASTER_PORT", "NODE_RANK"}  # what joins machines without a launcher
_PORTS = range(15_000, 25_000)  # of which jobs on one machine take different ones


def environment(given: dict[str, Any]) -> list[Any]:
    """Choose how the processes of a run find each other.

    Lightning takes any process in a SLURM job for one that srun has started, and advises to use
    srun wherever that is installed.

    Args:
        given: Settings of the Trainer.

    Returns:
        Plugins of the Trainer: the user's, and one for this unless they have one.
    """
    plugins = given["plugins"] or []
    plugins = [*plugins] if isinstance(plugins, list) else [plugins]
    of_strategy = getattr(given["strategy"], "cluster_environment", None)
    if of_strategy or any(isinstance(plugin, ClusterEnvironment) for plugin in plugins):
        return plugins
    launch = launched()
    if launch and launch.name == "srun":
        _join_tasks()
    if launch:
        return [*plugins, TorchElasticEnvironment()]
    if LSFEnvironment.detect() or MPIEnvironment.detect():
        return plugins
    return [*plugins, LightningEnvironment()]


def refuse_other_number(trainer: Trainer) -> None:
    """Refuse a trainer that would not take part in what has been launched, or wait for ever.

    Args:
        trainer: Trainer of the run.

    Raises:
        ValueError: Its number of processes is not that of the launcher, or of the environment; or
            it is for several machines, and nothing says which one this is.
    """
    launch, expected = launched(), trainer.num_devices * trainer.num_nodes
    if launch and (launch.processes, launch.machines) != (expected, trainer.num_nodes):
        devices, rest = divmod(launch.processes, launch.machines)
        how = f"--trainer.devices {devices} --trainer.num_nodes {launch.machines}"
        raise ValueError(
            f"{launch.name} started {_count(launch.processes, launch.machines)}, and the run has "
            f"{_count(expected, trainer.num_nodes)}: "
            + ("start as many on each machine" if rest else f"start as many, or give {how}")
        )
    given, own = os.environ, getattr(trainer.strategy, "cluster_environment", None)
    if launch or not isinstance(own, LightningEnvironment | None):
        return  # another launcher of clusters knows how many there are
    if trainer.num_nodes > 1 and not {*given} >= _ALONE:
        raise ValueError(
            f"the run has {_count(expected, trainer.num_nodes)}, and this process was started "
            "alone: start it on each of them with torchrun or srun (docs/cluster.md), or here "
            f"alone with --trainer.num_nodes 1 --trainer.devices {expected}"
        )
    if (said := given.get("WORLD_SIZE", str(expected))) != str(expected):
        raise ValueError(
            f"WORLD_SIZE says {said}, and the run has {_count(expected, trainer.num_nodes)}: give "
            "--trainer.devices and --trainer.num_nodes, use torchrun (docs/cluster.md), or unset it"
        )


def _join_tasks() -> None:
    """Let the tasks of srun find each other as processes of torchrun do."""
    given = os.environ
    first = SLURMEnvironment.resolve_root_node_address(given["SLURM_STEP_NODELIST"])
    number = int(given["SLURM_JOB_ID"]) + int(given["SLURM_STEP_ID"])
    own = {
        "WORLD_SIZE": given["SLURM_STEP_NUM_TASKS"],
        "RANK": given["SLURM_PROCID"],
        "LOCAL_RANK": given["SLURM_LOCALID"],
        "GROUP_RANK": given["SLURM_NODEID"],
    }
    given.update(own)
    given.setdefault("MASTER_ADDR", first)
    given.setdefault("MASTER_PORT", str(_PORTS[number % len(_PORTS)]))


def _count(processes: int, machines: int) -> str:
    several = f" on {machines} machines" if machines > 1 else ""
    return f"{processes} process{'es' * (processes != 1)}{several}"
