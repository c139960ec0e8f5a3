import subprocess
import sys
from pathlib import Path

import pytest

from src.engine.checkpoints.on_all_machines import first_says, on_all_machines

ROOT = Path(__file__).parents[3]
CODE = """
import sys
from datetime import timedelta
from pathlib import Path
from torch import distributed
from src.engine.checkpoints import on_all_machines as module
module._PIECE = 7
rank, store, path = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
distributed.init_process_group(
    "gloo", init_method=f"file://{store}", rank=rank, world_size=2, timeout=timedelta(seconds=60)
)
with module.on_all_machines(path) as file:
    print(module.first_says(rank == 0), file == path, file.read_bytes().decode())
"""


def test_process_alone_reads_its_own_file(tmp_path: Path) -> None:
    with on_all_machines(tmp_path / "a") as file:
        assert file == tmp_path / "a"
    assert first_says(True)
    assert not first_says(False)


def read_in_two(folder: Path) -> list[str]:
    """Read `x` of the folders 0 and 1, each in a process of its own."""
    words = [(str(rank), str(folder / "store"), str(folder / str(rank) / "x")) for rank in (0, 1)]
    options = {"stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    started = [subprocess.Popen([sys.executable, "-c", CODE, *each], **options) for each in words]
    return [process.communicate(timeout=120)[0].strip() for process in started]


@pytest.mark.slow
@pytest.mark.parametrize(("there", "own"), [(None, False), ("other", False), ("x" * 20, True)])
def test_file_of_the_first_process_is_read_everywhere(
    there: str | None, own: bool, tmp_path: Path
) -> None:
    for rank, content in enumerate(["x" * 20, there]):
        (tmp_path / str(rank)).mkdir()
        if content is not None:
            (tmp_path / str(rank) / "x").write_text(content)
    assert read_in_two(tmp_path) == [f"True True {'x' * 20}", f"True {own} {'x' * 20}"]
