import pytest

from src.engine.console.launcher import Launch, launched, speaks

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
