import os
import warnings
from typing import Any

import pytest
from lightning.fabric.plugins.environments import (
    ClusterEnvironment,
    KubeflowEnvironment,
    LightningEnvironment,
    SLURMEnvironment,
)
from lightning.pytorch.plugins import HalfPrecision

from src.engine.training.environment import environment, refuse_other_number
from tests.bare_trainer import bare_trainer

STEP = {
    **{"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_STEP_ID": "2", "SLURM_PROCID": "3"},
    **{"SLURM_STEP_NUM_TASKS": "4", "SLURM_STEP_NUM_NODES": "2", "SLURM_LOCALID": "1"},
    **{"SLURM_NODEID": "1", "SLURM_STEP_NODELIST": "node[07-08]"},
}
JOINED = ("WORLD_SIZE", "RANK", "LOCAL_RANK", "GROUP_RANK", "MASTER_ADDR", "MASTER_PORT")


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task of srun; what it sets itself is taken back."""
    for name in JOINED:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    for name, value in STEP.items():
        monkeypatch.setenv(name, value)


def chosen(plugins: Any = None, strategy: Any = "auto") -> list[Any]:
    return environment({"plugins": plugins, "strategy": strategy})


def test_shell_of_a_job_is_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_NTASKS", "2")
    (plugin,) = chosen()
    assert type(plugin) is LightningEnvironment


def test_plugins_of_the_user_stay() -> None:
    precision, own = HalfPrecision("16-true"), SLURMEnvironment()
    assert [type(plugin) for plugin in chosen([precision])] == [HalfPrecision, LightningEnvironment]
    assert chosen(own) == [own]


@pytest.mark.usefixtures("step")
def test_tasks_of_srun_find_each_other() -> None:
    (plugin,) = chosen()
    assert isinstance(plugin, ClusterEnvironment)
    assert (plugin.world_size(), plugin.global_rank(), plugin.local_rank()) == (4, 3, 1)
    assert plugin.node_rank() == 1
    assert (plugin.main_address, plugin.main_port) == ("node07", 15009)


@pytest.mark.usefixtures("step")
def test_address_of_the_user_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER_ADDR", "10.0.0.1")
    chosen()
    assert os.environ["MASTER_ADDR"] == "10.0.0.1"


@pytest.mark.usefixtures("step")
def test_other_number_than_was_launched_is_refused() -> None:
    trainer = bare_trainer(plugins=chosen())
    message = "srun started 4 processes on 2 machines, and the run has 1 process: start as many, "
    with pytest.raises(ValueError, match=f"{message}or give --trainer.devices 2 --trainer.num_nod"):
        refuse_other_number(trainer)


@pytest.mark.usefixtures("step")
def test_number_that_was_launched_is_taken() -> None:
    refuse_other_number(bare_trainer(plugins=chosen(), devices=2, num_nodes=2))


def test_several_machines_need_a_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = bare_trainer(devices=2, num_nodes=2)
    with pytest.raises(ValueError, match="4 processes on 2 machines, and this process was started"):
        refuse_other_number(trainer)
    monkeypatch.setenv("MASTER_ADDR", "10.0.0.1")
    monkeypatch.setenv("NODE_RANK", "1")
    with pytest.raises(ValueError, match="this process was started"):  # each would take a port
        refuse_other_number(trainer)
    monkeypatch.setenv("MASTER_PORT", "29500")
    refuse_other_number(trainer)


def test_number_that_the_environment_says_must_be_that_of_the_run(monkeypatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(
        ValueError, match=r"^WORLD_SIZE says 2, and the run has 1 process: give --t"
    ):
        refuse_other_number(bare_trainer(plugins=chosen()))
    refuse_other_number(bare_trainer(plugins=chosen(), devices=2))


def test_machines_of_kubeflow_find_each_other(monkeypatch) -> None:
    for name, value in {"MASTER_ADDR": "10.0.0.1", "RANK": "0", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    trainer = bare_trainer(plugins=chosen(KubeflowEnvironment()), devices=1, num_nodes=2)
    refuse_other_number(trainer)
    assert (trainer.world_size, trainer.global_rank) == (2, 0)


def test_one_process_needs_none() -> None:
    with warnings.catch_warnings(action="error"):
        refuse_other_number(bare_trainer(plugins=chosen()))
