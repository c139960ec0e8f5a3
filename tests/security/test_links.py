"""Links in what a stranger handed over: nothing that they lead to is removed or written."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from src.engine.console.failure import one_line_failures
from src.engine.files.atomic_write import write_atomic
from src.engine.files.run import Run
from src.engine.jobs.group import Group
from src.engine.records.heartbeat import Heartbeat
from src.engine.records.ledger import add_look
from src.evaluate import main as evaluate
from src.evaluation.classification.tensorboard import write_projector
from src.export import main as export
from src.label_errors import main as label_errors
from src.runs import main as runs
from src.train import main as train_main
from tests.bare_trainer import bare_trainer
from tests.conftest import Train
from tests.test_train import refusal_of

FOLDERS = ("lightning_logs", "checkpoints")


def make_run(root: Path, version: int) -> None:
    for folder, name in zip(FOLDERS, ("config.yaml", "best.ckpt"), strict=True):
        (root / folder / f"version_{version}").mkdir(parents=True)
        (root / folder / f"version_{version}" / name).write_text("seed_everything: 0\n")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two projects: a foreign one with the run version_7, and ours with the run version_0."""
    make_run(tmp_path / "other", 7)
    make_run(tmp_path / "ours", 0)
    monkeypatch.chdir(tmp_path / "ours")
    return tmp_path / "other"


@pytest.mark.parametrize("linked", [FOLDERS, FOLDERS[:1], FOLDERS[1:]])
@pytest.mark.parametrize(
    "word", ["version_3", "last", "lightning_logs/version_3", "checkpoints/version_3/best.ckpt"]
)
def test_run_that_is_a_link_is_not_removed(other: Path, linked, word: str, capsys) -> None:
    make_run(Path(), 3)
    for folder in linked:
        shutil.rmtree(f"{folder}/version_3")
        Path(folder, "version_3").symlink_to(other / folder / "version_7")
    before = files(other.parent)
    code, line = refusal_of(capsys, lambda: runs(["rm", "--yes", "version_0", word]))
    assert (code, "version_3 is a link" in line, "remove the link" in line) == (2, True, True)
    assert files(other.parent) == before


@pytest.mark.parametrize("folder", FOLDERS)
def test_folder_of_runs_that_is_a_link_is_not_followed(other: Path, folder: str, capsys) -> None:
    make_run(other, 0)
    shutil.rmtree(folder)
    Path(folder).symlink_to(other / folder)
    before = files(other.parent)
    code, line = refusal_of(capsys, lambda: runs(["rm", "--yes", "version_0"]))
    assert (code, f"{folder} is a link" in line) == (2, True)
    assert files(other.parent) == before


@pytest.mark.parametrize("target", ["checkpoints/version_7", "checkpoints/version_7/best.ckpt"])
def test_link_of_any_name_is_no_run(other: Path, target: str, capsys) -> None:
    Path("mine").symlink_to(other / target)
    assert refusal_of(capsys, lambda: runs(["rm", "--yes", "mine"]))[0] == 2
    assert (other / target).exists()


def test_checkpoint_that_is_a_link_means_the_run_it_lies_in(other: Path) -> None:
    link = Path("checkpoints/version_0/last.ckpt")
    link.symlink_to(other / "checkpoints/version_7/best.ckpt")
    runs(["rm", "--yes", str(link)])
    assert not Path("lightning_logs/version_0").exists()
    assert (other / "checkpoints/version_7/best.ckpt").exists()


def test_run_is_not_taken_for_one_of_another_number(other: Path, capsys) -> None:
    make_run(Path(), 3)
    Path("lightning_logs/version_03").mkdir()
    assert refusal_of(capsys, lambda: runs(["rm", "--yes", "version_03"]))[0] == 2
    assert Path("lightning_logs/version_3").exists()


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize(
    "word",
    ["lightning_logs/version_0", "checkpoints/version_0/", "checkpoints/version_0/best.ckpt"],
)
def test_ordinary_run_is_removed_without_what_it_links_to(
    other: Path, word: str, absolute: bool
) -> None:
    Path("lightning_logs/version_0/x").symlink_to(other / "checkpoints")
    Path("checkpoints/version_0/x.ckpt").symlink_to(other / "checkpoints/version_7/best.ckpt")
    before = files(other)
    runs(["rm", "--yes", str(Path.cwd() / word) if absolute else word])
    assert not [*Path().glob("*/version_*")]
    assert files(other) == before


@pytest.mark.parametrize(
    ("link", "command"),
    [
        ("lightning_logs/version_0/curves.png", ["train", "--ckpt_path"]),
        ("checkpoints/version_0/x/next.ckpt", ["train", "--ckpt_path"]),
        ("lightning_logs/version_0/evaluation", ["evaluate"]),
        ("checkpoints/version_0/export", ["export", "--format=pt"]),
        ("lightning_logs/version_0/label_errors", ["label_errors"]),
    ],
)
def test_command_that_would_write_through_a_link_is_refused(
    train: Train, tmp_path: Path, link: str, command: list[str], capsys
) -> None:
    train("--trainer.max_epochs=1", "--trainer.max_steps=2")
    (tmp_path / "outside").mkdir()
    (tmp_path / link).parent.mkdir(exist_ok=True)
    (tmp_path / link).symlink_to(tmp_path / "outside")
    before = files(tmp_path)
    verbs = {"evaluate": evaluate, "export": export, "label_errors": label_errors}
    verb = verbs.get(command[0], train_main)
    more = ["--trainer.max_steps=4"] if verb is train_main else []
    code, line = refusal_of(capsys, lambda: verb([*command[1:], "checkpoints/version_0", *more]))
    assert (code, f"{link} is a link to another folder" in line) == (2, True)
    assert files(tmp_path) == before


def test_logger_does_not_write_through_a_link(train: Train, tmp_path: Path, capsys) -> None:
    train("--trainer.max_steps=2", "--trainer.logger=CSVLogger", "--trainer.logger.save_dir=logs")
    (metrics,) = Path("logs").rglob("metrics.csv")
    metrics.unlink()
    metrics.symlink_to(tmp_path / "outside")
    words = ["--ckpt_path=last", "--trainer.max_steps=4"]
    code, line = refusal_of(capsys, lambda: train_main(words))
    assert (code, "metrics.csv is a link to another folder" in line) == (2, True)
    assert not (tmp_path / "outside").exists()


def write_traceback(folder: Path) -> None:
    with pytest.raises(SystemExit), one_line_failures(1, False, Run(folder.parents[1], 0)):
        raise ValueError("broken")


def beat(folder: Path) -> None:
    Heartbeat(folder)._write(bare_trainer(max_epochs=-1))


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("traceback.txt", write_traceback),
        ("traceback.txt.part", write_traceback),
        ("progress.json.part", beat),
        ("x.part", lambda folder: write_atomic(folder / "x", b"new")),
        ("x", lambda folder: write_atomic(folder / "x", b"new")),
    ],
)
def test_planted_link_is_replaced(tmp_path: Path, name: str, write: Callable[[Path], None]) -> None:
    outside = tmp_path / "outside"
    outside.write_text("kept")
    folder = Run.new(tmp_path).log_dir
    (folder / name).symlink_to(outside)
    write(folder)
    assert outside.read_text() == "kept"
    written = folder / name.removesuffix(".part")
    assert written.read_text()
    assert not written.is_symlink()


def test_ledger_that_is_a_link_is_not_written(tmp_path: Path) -> None:
    Run.new(tmp_path)
    (tmp_path / "lightning_logs/test_looks.jsonl").symlink_to(tmp_path / "outside")
    with pytest.raises(OSError, match="make it a writable file"):
        add_look(tmp_path, {"commit": "$(echo)"})
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("link", ["groups", "groups/mine", "groups/mine/trials.journal"])
def test_group_that_leads_elsewhere_is_refused(tmp_path: Path, link: str) -> None:
    (tmp_path / "outside/mine").mkdir(parents=True)
    (tmp_path / "lightning_logs" / link).parent.mkdir(parents=True)
    (tmp_path / "lightning_logs" / link).symlink_to(tmp_path / "outside")
    with pytest.raises(ValueError, match=f"{link} is a link to another folder"):
        Group(tmp_path, "mine").claim({})
    assert not files(tmp_path / "outside")


def test_projector_removes_nothing_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "outside/embedding").mkdir(parents=True)
    folder = Run.new(tmp_path).log_dir
    (folder / "x").symlink_to(tmp_path / "outside")
    image, label = torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.arange(4)
    write_projector(folder, 1, torch.rand(4, 3), label, image, "abcd")
    assert (tmp_path / "outside/embedding").is_dir()
