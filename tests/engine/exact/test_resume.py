import shutil
from pathlib import Path
from types import SimpleNamespace as Fake

import pytest
import torch

from src.engine.exact.resume import Resumed, find_checkpoint, find_run
from src.engine.files.run import Run
from src.engine.records.changes import Change
from src.train import main
from tests.conftest import Train
from tests.one_layer import OneLayer
from tests.test_train import refusal


@pytest.fixture
def two_runs(finished: Train) -> Path:
    """Two runs of two epochs in the working directory."""
    finished("--trainer.max_epochs=2")
    shutil.copytree("checkpoints/version_0", "checkpoints/version_1")
    return Path("checkpoints")


@pytest.mark.parametrize(
    ("word", "file"),
    [
        ("last", "version_1/last.ckpt"),
        ("checkpoints/version_0", "version_0/last.ckpt"),
        ("lightning_logs/version_0", "version_0/last.ckpt"),
        ("checkpoints/version_0/best.ckpt", "version_0/best.ckpt"),
    ],
)
def test_one_word_finds_the_run(two_runs: Path, word: str, file: str) -> None:
    path, passed_over = find_checkpoint(word, Path())
    assert Path(path).resolve() == (two_runs / file).resolve()
    assert passed_over == []


def test_latest_run_without_a_whole_state_is_passed_over(two_runs: Path, capsys) -> None:
    for file in (two_runs / "version_1").glob("*.ckpt"):
        file.write_bytes(b"")
    config = Path("lightning_logs/version_1/config.yaml")
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("{}")
    found = Resumed.find("last", Path(), []).path
    assert found == two_runs.resolve() / "version_0" / "last.ckpt"
    said = capsys.readouterr().err
    assert "note: passed over: checkpoints/version_1 holds no whole" in said
    again = "`python -m src.train --config lightning_logs/version_1/config.yaml` begins one like it"
    assert again in said
    with pytest.raises(FileNotFoundError, match=f"^checkpoints/version_1 holds no.*; {again}$"):
        Resumed.find("checkpoints/version_1", Path(), [])


def test_broken_latest_state_falls_back_and_says_so(two_runs: Path, capsys) -> None:
    last = two_runs / "version_1" / "last.ckpt"
    last.write_bytes(last.read_bytes()[:-100])
    main(["--ckpt_path=last", "--trainer.max_epochs=3"])
    notes = capsys.readouterr().err
    assert f"note: passed over: {last} is not a complete checkpoint" in notes
    assert "note: continuing checkpoints/version_1/best.ckpt at step 11" in notes
    assert "note: changed: --trainer.max_epochs 2 -> 3" in notes


def test_named_file_never_falls_back(two_runs: Path, capsys) -> None:
    last = two_runs / "version_1" / "last.ckpt"
    last.write_bytes(last.read_bytes()[:-100])
    code, line = refusal(capsys, f"--ckpt_path={last}", "--trainer.max_epochs=3")
    assert code == 2
    assert "it is cut off" in line
    assert "previous.ckpt can be used" in line


def test_runs_may_be_elsewhere(train: Train, capsys) -> None:
    train("--trainer.max_epochs=1", "--trainer.default_root_dir=runs")
    main(["--ckpt_path=last", "--trainer.default_root_dir=runs", "--trainer.max_epochs=2"])
    assert "continuing runs/checkpoints/version_0/last.ckpt" in capsys.readouterr().err


def test_no_run_at_all_is_one_line(train: Train, capsys) -> None:
    code, line = refusal(capsys, "--ckpt_path=last")
    assert (code, line) == (
        2,
        "error: there is no run in checkpoints; `python -m src.train` begins one",
    )


def test_changed_network_is_one_line(two_runs: Path, capsys, monkeypatch) -> None:
    def widened(self, *args, **kwargs) -> None:
        init(self, *args, **kwargs)
        self.added = torch.nn.Linear(10, 10)
        self.layer = torch.nn.Linear(28 * 28, 3)

    init = OneLayer.__init__
    monkeypatch.setattr(OneLayer, "__init__", widened)
    code, line = refusal(capsys, "--ckpt_path=last", "--trainer.max_epochs=3")
    assert code == 2
    assert "network has changed since the checkpoint was saved: network.added.weight is m" in line
    assert "and 1 more" in line


def test_newer_checkpoint_is_read_and_named(two_runs: Path, capsys) -> None:
    path = two_runs / "version_1" / "last.ckpt"
    content = torch.load(path, weights_only=True)
    content["pytorch-lightning_version"] = "9.9.9"
    content["provenance"][0]["inputs"]["threads"] = "77"
    torch.save(content, path)
    main(["--ckpt_path=last", "--trainer.max_epochs=3"])
    notes = capsys.readouterr().err
    assert "note: the checkpoint is of lightning 9.9.9, newer than" in notes
    assert "note: since the checkpoint: threads 77 ->" in notes


def resumed(path: Path, **parts) -> Resumed:
    """A run at step 7 that goes on."""
    content = {
        **{"global_step": 7, "pytorch-lightning_version": "1.0", "config": "a: 1"},
        "provenance": [{"inputs": {"processes": "9"}}, {"inputs": {"processes": "2"}}],
        **{"state_dict": {}, "optimizer_states": [], "kept": 1},
    }
    return Resumed(path, content | parts, None)


def test_resumed_run_is_compared_with_what_was_made_of_it(monkeypatch, capsys) -> None:
    asked, of = [], "src.engine.exact.resume"
    monkeypatch.setattr(f"{of}.refuse_other_batch", lambda *words: asked.append(words))
    monkeypatch.setattr(f"{of}.refuse_other_weights", lambda *words: asked.append(words))
    run = resumed(Path("a.ckpt"))
    run.settings, run.changes = {"b": 2}, [Change("x", 1, 2), Change("y", None, 3)]
    run.check(Fake(world_size=4), "the task")
    assert asked == [({"a": 1}, {"b": 2}, [2, 4]), ("the task", {})]
    assert run.checkpoint.keys() & {"state_dict", "optimizer_states", "kept"} == {"kept"}
    assert capsys.readouterr().err.splitlines() == [
        "note: continuing a.ckpt at step 7",
        "note: changed: --x 1 -> 2",
        "note: changed: --y None -> 3",
    ]


@pytest.mark.parametrize(("place", "step", "asks"), [
    ("elsewhere", -1, True),
    ("checkpoints/version_0", -1, False),
    ("checkpoints/version_0", 6, False),
    ("checkpoints/version_0", 7, True),
])  # fmt: skip
def test_run_that_reached_its_end_is_finished(
    tmp_path: Path, place: str, step: int, asks: bool, monkeypatch
) -> None:
    refused, other, of = [], [], "src.engine.exact.resume"
    monkeypatch.setattr(f"{of}.refuse_finished", lambda *words: refused.append(words))
    monkeypatch.setattr(f"{of}.refuse_other_experiment", other.append)
    monkeypatch.setattr(f"{of}.Run.finished_step", lambda *_, tested: step)
    run = resumed(tmp_path / place / "last.ckpt", config="{a: 1, trainer: {default_root_dir: x}}")
    run.change("{a: 2, trainer: {default_root_dir: y}}")
    assert run.settings == {"a": 2, "trainer.default_root_dir": "y"}
    names = {"a", "trainer.default_root_dir"}
    assert {change.name for change in run.changes} == names
    moves = {"trainer.default_root_dir"} if place == "elsewhere" else set()
    assert [{change.name for change in found} for found in other] == [names - moves]
    assert refused == [(run.checkpoint, run.settings, run.changes)] * asks


def test_run_goes_on_in_its_folders_or_gets_new_ones(tmp_path: Path, monkeypatch) -> None:
    held = []

    def hold(run: Run) -> None:
        held.append(run)

    monkeypatch.setattr(Run, "hold", hold)
    trainer = Fake(default_root_dir=str(tmp_path), is_global_zero=True)
    first = find_run(None, trainer)
    assert (first, first.log_dir.is_dir(), held) == (Run(tmp_path, 0), True, [first])
    again = find_run(resumed(first.checkpoint_dir / "last.ckpt"), trainer)
    elsewhere = find_run(resumed(tmp_path / "last.ckpt"), trainer)
    assert (again, elsewhere, held) == (first, Run(tmp_path, 1), [first, first, Run(tmp_path, 1)])
    trainer.is_global_zero = False
    assert find_run(None, trainer) == Run(tmp_path, 0)
    assert find_run(resumed(elsewhere.checkpoint_dir / "last.ckpt"), trainer) == elsewhere
    assert len(held) == 3


def test_run_whose_folders_cannot_be_used_is_refused(tmp_path: Path, monkeypatch) -> None:
    run = Run.new(tmp_path)
    trainer = Fake(default_root_dir=str(tmp_path), is_global_zero=True)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(PermissionError, match="the run cannot continue"):
        find_run(resumed(run.checkpoint_dir / "last.ckpt"), trainer)
    run.log_dir.rmdir()
    run.log_dir.symlink_to(tmp_path)
    with pytest.raises(ValueError, match="version_0"):
        find_run(resumed(run.checkpoint_dir / "last.ckpt"), trainer)
