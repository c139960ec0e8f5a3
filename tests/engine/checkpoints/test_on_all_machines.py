from datetime import timedelta
from pathlib import Path

import pytest
from torch import distributed

from src.engine.checkpoints import on_all_machines as module
from src.engine.checkpoints.on_all_machines import first_says, on_all_machines
from tests.at_once import Fork


def main(words: list[str]) -> None:
    """Read a file as one of two processes."""
    rank, store, path = int(words[0]), words[1], Path(words[2])
    module._PIECE = 7
    patience = timedelta(seconds=60)
    distributed.init_process_group("gloo", f"file://{store}", patience, 2, rank)
    with on_all_machines(path) as file:
        print(first_says(rank == 0), file == path, file.read_text())


def test_process_alone_reads_its_own_file(tmp_path: Path) -> None:
    with on_all_machines(tmp_path / "a") as file:
        assert file == tmp_path / "a"
    assert first_says(True)
    assert not first_says(False)


def read_in_two(folder: Path) -> list[str]:
    """Read `x` of the folders 0 and 1, each in a process of its own."""
    words = [(str(rank), str(folder / "store"), str(folder / str(rank) / "x")) for rank in (0, 1)]
    forks = [Fork(*each, module=__name__, log=str(folder / f"{each[0]}.log")) for each in words]
    return [fork.communicate(timeout=120)[0].strip() for fork in forks]


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(("there", "own"), [(None, False), ("other", False), ("x" * 20, True)])
def test_file_of_the_first_process_is_read_everywhere(
    there: str | None, own: bool, tmp_path: Path
) -> None:
    for rank, content in enumerate(["x" * 20, there]):
        (tmp_path / str(rank)).mkdir()
        if content is not None:
            (tmp_path / str(rank) / "x").write_text(content)
    assert read_in_two(tmp_path) == [f"True True {'x' * 20}", f"True {own} {'x' * 20}"]
