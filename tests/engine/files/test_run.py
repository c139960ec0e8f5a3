import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from src.engine.console.shown import python, shown
from src.engine.files.run import Run


def test_new_run_has_both_folders(tmp_path: Path) -> None:
    run = Run.new(tmp_path)
    assert run.log_dir == tmp_path / "lightning_logs" / "version_0"
    assert run.checkpoint_dir == tmp_path / "checkpoints" / "version_0"
    assert run.log_dir.is_dir()
    assert run.checkpoint_dir.is_dir()


@pytest.mark.parametrize("folder", ["lightning_logs", "checkpoints"])
def test_new_run_is_above_every_used_number(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder / "version_7").mkdir(parents=True)
    (tmp_path / folder / "version_9_copy").mkdir()
    assert Run.new(tmp_path).version == 8


def test_runs_that_start_together_get_their_own_numbers(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        runs = list(pool.map(lambda _: Run.new(tmp_path), range(32)))
    assert len({run.version for run in runs}) == 32


def test_checkpoint_leads_to_its_run(tmp_path: Path) -> None:
    run = Run.new(tmp_path)
    assert Run.of_checkpoint(run.checkpoint_dir / "last.ckpt") == run


@pytest.mark.parametrize("path", ["last.ckpt", "version_3/last.ckpt", "checkpoints/x/last.ckpt"])
def test_checkpoint_elsewhere_has_no_run(tmp_path: Path, path: str) -> None:
    assert Run.of_checkpoint(tmp_path / path) is None


@pytest.mark.parametrize("folder", ["lightning_logs", "checkpoints"])
def test_folder_leads_to_its_run(tmp_path: Path, folder: str) -> None:
    run = Run.new(tmp_path)
    assert Run.of_folder(tmp_path / folder / "version_0") == run
    assert Run.of_folder(tmp_path / folder) is None


def test_runs_are_listed_by_number(tmp_path: Path) -> None:
    for number in (10, 9, 2):
        (tmp_path / "checkpoints" / f"version_{number}").mkdir(parents=True)
    (tmp_path / "checkpoints" / "version_x").mkdir()
    assert [run.version for run in Run.all(tmp_path)] == [2, 9, 10]


def test_empty_run_is_given_back(tmp_path: Path) -> None:
    Run.new(tmp_path).discard_if_empty()
    assert not [*tmp_path.iterdir()]
    assert Run.new(tmp_path).version == 0


def test_used_run_is_kept(tmp_path: Path) -> None:
    run = Run.new(tmp_path)
    (run.log_dir / "config.yaml").touch()
    run.discard_if_empty()
    assert run.log_dir.is_dir()


@pytest.mark.parametrize("name", ["lightning_logs", "checkpoints"])
def test_folder_that_cannot_be_made_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(OSError, match=f"{re.escape(str(tmp_path / name))}.*default_root_dir"):
        Run.new(tmp_path)
    assert not list(tmp_path.glob("*/version_*"))


def test_traceback_is_kept_if_it_can_be_written(tmp_path: Path) -> None:
    run = Run.new(tmp_path)
    file = run.log_dir / "traceback.txt"
    assert run.keep_traceback("ValueError: \u00e9") == file
    assert file.read_bytes() == b"ValueError: \xc3\xa9"
    file.unlink()
    file.mkdir()
    assert run.keep_traceback("ValueError") is None


def test_run_knows_at_which_step_it_finished(tmp_path: Path) -> None:
    run = Run.new(tmp_path)
    assert (run.finished_step(tested=True), run.finished_step(tested=False)) == (-1, -1)
    (run.log_dir / "metrics.json").write_text('{"steps": 7}')
    assert (run.finished_step(tested=True), run.finished_step(tested=False)) == (-1, 7)
    (run.log_dir / "metrics.json").write_text('{"steps": 7, "test_s": 0.9}')
    assert (run.finished_step(tested=True), run.finished_step(tested=False)) == (7, 7)


def test_run_that_is_discarded_leaves_nothing(tmp_path: Path) -> None:
    run = Run.new(tmp_path)
    (run.log_dir / "config.yaml").touch()
    (run.checkpoint_dir / "inner").mkdir()
    run.discard()
    assert not [*tmp_path.iterdir()]
    run.discard()


def test_run_that_another_process_trains_is_refused(tmp_path: Path) -> None:
    run = Run.new(tmp_path)
    source = "import sys; from pathlib import Path; from src.engine.files.run import Run; "
    source += "Run(Path(sys.argv[1]), 0).hold(); print(1, flush=True); input()"
    other = subprocess.Popen(
        [sys.executable, "-c", source, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert other.stdout.readline() == "1\n"
    with pytest.raises(OSError, match="is already being trained by another process"):
        run.hold()
    other.communicate("\n")
    run.hold()
    run.hold()  # again by the same process


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    run = Run.new(tmp_path)
    for file in (run.log_dir / "run.json.1.part", run.checkpoint_dir / "next.ckpt.1.part"):
        file.touch()
    (run.checkpoint_dir / "last.ckpt").touch()
    run.hold()
    assert [file.name for file in tmp_path.rglob("*.*")] == ["last.ckpt"]


def test_run_that_is_read_only_is_refused(tmp_path: Path, monkeypatch) -> None:
    run = Run.new(tmp_path)
    run.refuse_read_only()
    for folder in (run.log_dir, run.checkpoint_dir):
        denied = folder, os.W_OK
        monkeypatch.setattr(os, "access", lambda *asked, denied=denied: asked != denied)
        said = f"the run cannot continue: {folder} is not writable; change its permissions"
        with pytest.raises(PermissionError, match=re.escape(said)):
            run.refuse_read_only()
    run.checkpoint_dir.rmdir()
    run.refuse_read_only()


def test_run_has_a_state_if_it_has_a_checkpoint(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = Run.new(tmp_path)
    (run.checkpoint_dir / "model.pt").touch()
    assert not run.has_state
    (run.checkpoint_dir / "last.ckpt").touch()
    assert run.has_state
    monkeypatch.setattr("shutil.which", {"python": sys.executable}.get)
    assert run.resume_command == "python -m src.train --ckpt_path checkpoints/version_0"
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert python() == shown(Path(sys.executable))


def test_number_of_a_run_has_no_zeros_before_it(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    found = [Run.of_folder(folder / f"version_{text}") for text in ("0", "10", "01", "-1", "1a")]
    assert found == [Run(tmp_path, 0), Run(tmp_path, 10), None, None, None]
    assert Run.of_folder(folder / "x" / ".." / "version_3") == Run(tmp_path, 3)


def test_folder_with_files_is_kept_and_the_other_removed(tmp_path: Path) -> None:
    run = Run.new(tmp_path)
    (run.checkpoint_dir / "last.ckpt").touch()
    run.discard_if_empty()
    run.discard_if_empty()
    assert (run.log_dir.exists(), run.checkpoint_dir.exists()) == (False, True)
