import subprocess
import sys
from pathlib import Path

import pytest

from src.engine.console.launcher import Launch, launched, module_command, speaks
from src.engine.console.shown import python

JOB = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "2", "SLURM_PROCID": "0", "SLURM_JOB_NAME": "x"}
STEP = {**JOB, "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NUM_NODES": "1", "SLURM_PROCID": "1"}
TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "4", "GROUP_WORLD_SIZE": "2"}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*STEP, *TORCHRUN, "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)


def given(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"SLURM_NTASKS": "2"}, None),  # a shell of salloc
        (JOB, None),  # a batch script
        ({**STEP, "SLURM_STEP_NUM_TASKS": "1"}, None),
        ({**STEP, "SLURM_PTY_PORT": "1234"}, None),  # a shell of srun --pty
        (STEP, Launch("srun", 2, 1)),
        (TORCHRUN, Launch("torchrun", 4, 2)),
        ({**STEP, **TORCHRUN}, Launch("torchrun", 4, 2)),
    ],
)
def test_launcher_is_told_by_what_only_it_sets(
    variables: dict[str, str], expected: Launch | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, variables)
    assert launched() == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, True),
        ({"LOCAL_RANK": "1"}, False),
        ({**STEP, "LOCAL_RANK": "0"}, False),  # the first of the second machine
        ({**STEP, "SLURM_PROCID": "0", "LOCAL_RANK": "0"}, True),
        ({**TORCHRUN, "LOCAL_RANK": "0"}, True),  # each machine has its own terminal
    ],
)
def test_one_process_speaks_on_a_terminal(
    variables: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, variables)
    assert speaks() is expected


def test_process_that_was_started_alone_names_no_launcher() -> None:
    assert module_command("src.train") == f"{python()} -m src.train"


def test_tasks_of_srun_are_started_by_srun(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, {**STEP, "SLURM_STEP_NUM_TASKS": "8", "SLURM_STEP_NUM_NODES": "2"})
    expected = f"srun --nodes=2 --ntasks-per-node=4 {python()} -m src.train"
    assert module_command("src.train") == expected


def test_torchrun_is_named_with_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, TORCHRUN)
    ours = "from src.engine.console.launcher import module_command; print(module_command('x.y'))"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {ours!r}])"
    words = ["--nnodes", "2", "--rdzv-conf", "is_host=1", "-m", "x.y", "--ckpt_path", "a"]
    run = subprocess.run(
        [sys.executable, "-c", parent, *words],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert run.stdout.endswith("--nnodes 2 --rdzv-conf is_host=1 -m x.y\n")


def test_torchrun_whose_words_are_not_to_be_had_is_named_by_its_numbers(monkeypatch) -> None:
    given(monkeypatch, {**TORCHRUN, "LOCAL_WORLD_SIZE": "2"})
    expected = "torchrun --nnodes=2 --nproc-per-node=2 -m no.module"
    assert module_command("no.module") == expected
