"""`python -m src.runs` as a user types it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from src.runs import main
from tests.conftest import Train
from tests.test_train import refusal_of


@pytest.fixture
def runs(train: Train) -> None:
    train("--trainer.max_epochs=1", "--seed_everything=3", "--model.optimizer.lr=0.00001")
    train("--trainer.max_epochs=2", "--group=mine")


def said(capsys, *words: str) -> str:
    capsys.readouterr()
    main([*words])
    return capsys.readouterr().out


@pytest.mark.usefixtures("runs")
def test_runs_are_listed_shown_compared_and_chosen(capsys) -> None:
    head, first, second = said(capsys, "ls").splitlines()
    assert head.split()[:4] == ["run", "status", "val", "test"]
    assert first.split()[:2] == ["version_0", "finished"]
    assert "lr=1e-05" in first
    assert "mine" in second
    assert len(json.loads(said(capsys, "ls", "--group=mine", "--format=json"))) == 1
    assert said(capsys, "ls", "--sort=val").splitlines()[1].startswith("version_1")
    assert "checkpoints/version_1/best.ckpt" in said(capsys, "best")
    shown = said(capsys, "show", "version_0")
    assert "model.optimizer.lr: 1e-05" in shown
    assert "--ckpt_path checkpoints/version_0" in shown
    found = said(capsys, "diff", "version_0", "last")
    assert "seed: 3 -> 0" in found
    assert "model.optimizer.lr: 1e-05 -> 0.005" in found
    assert "environment: the same" in found


@pytest.mark.usefixtures("runs")
def test_runs_are_removed_only_on_purpose(capsys, monkeypatch) -> None:
    code, line = refusal_of(capsys, lambda: main(["rm", "version_0"]))
    assert (code, "--yes" in line) == (2, True)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    assert said(capsys, "rm", "version_0") == "nothing was removed\n"
    assert Path("checkpoints/version_0").is_dir()
    monkeypatch.setattr("builtins.input", lambda _: "y")
    said(capsys, "rm", "version_0")
    assert not Path("checkpoints/version_0").exists()
    assert not Path("lightning_logs/version_0").exists()
    assert Path("lightning_logs/version_1").exists()


def test_status_tells_what_became_of_a_run(train: Train, capsys) -> None:
    train("--trainer.max_epochs=1")
    for folder in ("lightning_logs", "checkpoints"):  # this process holds the first one
        shutil.copytree(f"{folder}/version_0", f"{folder}/version_1")
    logs = Path("lightning_logs/version_1")

    def status() -> str:
        return json.loads(said(capsys, "ls", "--format=json"))[1]["status"]

    assert status() == "finished"
    code = (
        "import sys; from pathlib import Path; from src.experiment.lock import hold; "
        f"hold(Path({str(Path('checkpoints/version_1').resolve())!r})); "
        "print(1, flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    root = Path(__file__).parents[1]
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, cwd=root) as other:
        other.stdout.readline()
        assert status() == "running"
        assert refusal_of(capsys, lambda: main(["rm", "--yes", "last"]))[0] == 2
        other.communicate()
    (logs / "metrics.json").unlink()
    assert status() == "interrupted"
    (logs / "traceback.txt").write_text("x")
    assert status() == "failed"


def test_list_needs_no_torch_and_reads_small_files_only(train: Train) -> None:
    train("--trainer.max_epochs=1")
    for folder in ("lightning_logs", "checkpoints"):
        for number in range(1, 50):
            shutil.copytree(f"{folder}/version_0", f"{folder}/version_{number}")
            (Path(folder) / f"version_{number}" / "config.yaml").write_bytes(b"never read")
    code = (
        "import sys; from src.runs import main; main(['ls']); "
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    env = {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0
    assert done.stdout.count("finished") == 49  # and one is held by this process


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["best"], "no run here has been validated"),
        (["ls", "--group=x"], "--group x: no run here belongs to it"),
        (["show", "last"], "there is no run in checkpoints"),
        (["diff", "version_0"], "the following arguments are required: B"),
        ([], "the following arguments are required: action"),
    ],
)
def test_wrong_command_is_one_line(words, expected, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    code, line = refusal_of(capsys, lambda: main(words))
    assert (code, expected in line) == (2, True)


def test_empty_folder_says_how_to_begin(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert "src.train makes one" in said(capsys, "ls")
