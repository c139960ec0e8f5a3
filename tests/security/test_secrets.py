"""Passwords, tokens and keys are in nothing that a run leaves behind or prints."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml

from src import sweep
from src.engine.console.command_line import split_arguments
from src.engine.console.failure import one_line_failures
from src.engine.console.note import note
from src.engine.files.run import Run
from src.engine.jobs.group import Group
from src.engine.jobs.jobs import Jobs, Work
from src.engine.jobs.seed_runs import SeedRuns, seeds_group
from src.engine.records import provenance
from src.runs import main as runs
from src.search.storage import open_storage
from src.train import DEFAULT, main
from tests.conftest import Train
from tests.engine.jobs.test_group import make_run

SECRET = "hunter2X"
KEYED = (
    "--trainer.max_epochs=1",
    "--data=tests.keyed_mnist.KeyedMNIST",
    f"--data.api_key={SECRET}",
    f"--data.address=https://me:{SECRET}@host/x",
)


@pytest.fixture
def changed_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code with changes that are not committed, among them secrets."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "a.py").write_text("1\n2\n")
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "x"]):
        subprocess.run(["git", "-C", folder, *words], check=True)
    (folder / "a.py").write_text(f"1\npassword = '{SECRET}'\nURL = 'x://u:{SECRET}@h'\nkept\n")
    monkeypatch.setattr(provenance, "SOURCE", folder)


def left(folder: Path) -> list[str]:
    """Name the files of a run that hold the secret; a checkpoint is not compressed."""
    files = [
        file for part in ("lightning_logs", "checkpoints") for file in folder.glob(f"{part}/**/*")
    ]
    assert len(files) > 9
    return [str(file) for file in files if file.is_file() and SECRET.encode() in file.read_bytes()]


@pytest.mark.usefixtures("changed_code")
def test_run_leaves_no_secret_behind(train: Train, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "src.train", *KEYED])
    train(*KEYED)
    assert left(tmp_path) == []
    assert SECRET not in "".join(capsys.readouterr())
    log_dir = tmp_path / "lightning_logs" / "version_0"
    (session,) = json.loads((log_dir / "provenance.json").read_text())
    assert "--data.api_key=***" in session["command"]
    assert "+kept" in session["git"]["diff"]
    assert yaml.safe_load((log_dir / "config.yaml").read_text())["data"]["init_args"] == {
        "data_dir": "data",
        "batch_size": 20,
        "api_key": "***",
        "address": "https://me:***@host/x",
    }


def test_secret_given_again_is_no_change(train: Train, tmp_path: Path, capsys) -> None:
    train(*KEYED)
    main(["--ckpt_path=last", *KEYED[2:], "--trainer.max_epochs=2"])
    assert "changed: --data" not in capsys.readouterr().err
    assert left(tmp_path) == []


@pytest.mark.usefixtures("changed_code")
def test_checkpoint_says_what_of_the_code_it_carries(train: Train, capsys) -> None:
    train("--trainer.max_epochs=1")
    assert (
        "\nthey carry     uncommitted changes, 1 file, 4 lines: a.py\n" in capsys.readouterr().out
    )
    checkpoint = torch.load("checkpoints/version_0/last.ckpt", weights_only=True)
    assert checkpoint["provenance"][0]["git"]["carries"] == "1 file, 4 lines: a.py"
    runs(["show", "last"])
    assert "carry uncommitted changes: 1 file, 4 lines: a.py\n" in capsys.readouterr().out


def test_failure_shows_no_secret(tmp_path: Path, capsys) -> None:
    run = Run.new(tmp_path)
    (run.log_dir / "config.yaml").touch()
    with pytest.raises(SystemExit), one_line_failures(1, False, run):
        raise ValueError(f"cannot reach x://u:{SECRET}@h with --a.api_key={SECRET}")
    note(f"changed: --a.api_key {SECRET} -> x")
    assert SECRET not in capsys.readouterr().err
    assert SECRET not in (run.log_dir / "traceback.txt").read_text()


@pytest.mark.parametrize("password", [SECRET, f"a@{SECRET}", f"a%40{SECRET}", f"{SECRET}" * 30])
def test_storage_does_not_tell_its_password(password: str, tmp_path: Path) -> None:
    address = f"postgresql+psycopg://me:{password}@127.0.0.1:1/x"
    for wrong in (address, address.replace("psycopg:", "nothing:"), address.replace(":1/", ":y/")):
        with pytest.raises(ValueError, match="cannot be used") as error:
            open_storage(wrong, tmp_path / "journal")
        assert SECRET not in str(error.value)


def test_group_compares_without_its_secrets(tmp_path: Path) -> None:
    group = Group(tmp_path, "mine")
    group.claim({"fixed": {"trainer.logger.api_key": SECRET, "lr": 1}})
    group.claim({"fixed": {"trainer.logger.api_key": "another", "lr": 1}})
    assert SECRET not in (group.folder / "group.json").read_text()
    with pytest.raises(ValueError, match="another fixed"):
        group.claim({"fixed": {"trainer.logger.api_key": SECRET, "lr": 2}})


def test_stopped_seed_goes_on_with_its_secret(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = split_arguments(["--group=mine", "--data.api_key", SECRET, "--trainer.max_epochs=1"])
    group = seeds_group(words, DEFAULT)
    assert SECRET not in (group.folder / "group.json").read_text()
    make_run(tmp_path, 0, group="mine", seed=1)
    (tmp_path / "checkpoints" / "version_0").mkdir(parents=True)
    (tmp_path / "checkpoints" / "version_0" / "last.ckpt").touch()
    (tmp_path / "lightning_logs" / "version_0" / "progress.json").write_text('{"step": 3}')
    work = SeedRuns(group, [1], words).next()
    assert work is not None
    assert work.words[0] == "--ckpt_path"
    assert work.words[2:] == ["--data.api_key", SECRET]


class OneWork:
    """A plan of one training."""

    said = ""

    def total(self) -> int:
        return 1

    def done(self) -> int:
        return 0

    def next(self) -> Work | None:
        work, self.work = getattr(self, "work", Work(1, "one", [])), None
        return work

    def look(self, work: Work) -> bool:
        return True

    def end(self, work: Work, code: int, said: str) -> str:
        self.said = said
        return said


def test_log_of_a_job_loses_what_its_libraries_print(tmp_path: Path, capsys) -> None:
    group, plan = Group(tmp_path, "mine"), OneWork()
    group.claim({})
    code = f"print('library: api_key={SECRET}')"
    Jobs(plan, group, 1, (sys.executable, "-c", code)).run()
    assert group.log("one").read_text() == "library: api_key=***\n"
    assert plan.said == "library: api_key=***"
    assert SECRET not in "".join(capsys.readouterr())


def test_best_configuration_of_a_sweep_has_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    best = SimpleNamespace(params={}, value=0.5)
    search = SimpleNamespace(study=SimpleNamespace(best_trial=best), metric="a", trials=list)
    search.sweep = SimpleNamespace(space={})
    printed = SimpleNamespace(returncode=0, stdout=f"lr: 1\napi_key: {SECRET}\n")
    monkeypatch.setattr(sweep.subprocess, "run", lambda *_, **__: printed)
    text = sweep._best_config(search, [], "x").decode()
    assert yaml.safe_load(text) == {"lr": 1, "api_key": "***"}
