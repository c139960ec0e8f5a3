"""`python -m src.train --seeds` as a user types it."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from src.engine.records.run_record import RunRecord
from src.train import main
from tests.at_once import Fork
from tests.test_train import refusal
from tests.tiny_mnist import write_files

pytestmark = pytest.mark.slow
SMALL = [
    *("--data=tests.tiny_mnist.TinyMNIST", "--data.batch_size=20", "--trainer.callbacks=null"),
    *("--group=mine", "--jobs=2"),
]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    write_files(tmp_path / "data" / "MNIST" / "raw")


def start(*words: str) -> Fork:
    return Fork(*SMALL, *words)


def finished() -> dict[int, RunRecord]:
    records = RunRecord.all(Path())
    return {record.seed: record for record in records if record.status == "finished"}


def wait_for_progress(count: int) -> list[RunRecord]:
    for _ in range(600):
        records = [record for record in RunRecord.all(Path()) if record.progress.get("step", 0) > 2]
        if len(records) >= count:
            return records
        time.sleep(0.1)
    raise AssertionError("nothing goes on")


def test_each_seed_is_a_run_of_the_group(capsys) -> None:
    main([*SMALL, "--seeds=2", "--trainer.max_epochs=1"])
    assert finished().keys() == {1, 2}
    text = capsys.readouterr()
    assert "2 of 2, group mine" in text.out
    assert "seed 1: val/acc_best" in text.err
    before = [record.overview["pid"] for record in finished().values()]
    main([*SMALL, "--seeds=3", "--trainer.max_epochs=1"])
    assert "2 of 3 runs of group mine are finished already" in capsys.readouterr().err
    assert finished().keys() == {1, 2, 3}
    assert {*before} < {record.overview["pid"] for record in finished().values()}
    threads = {record.sessions[0]["inputs"]["threads"] for record in finished().values()}
    assert threads == {str(max(1, len(os.sched_getaffinity(0)) // 2))}


@pytest.mark.usefixtures("forked")
def test_wrong_command_ends_all_at_once(capsys) -> None:
    code, line = refusal(capsys, *SMALL, "--seeds=9", "--model.network.widht=3")
    assert (code, line) == (
        2,
        "error: --model.network.widht is not an option; did you mean --model.network.width?",
    )
    assert not Path("lightning_logs/groups/mine").exists()


@pytest.mark.usefixtures("forked")
def test_crash_of_one_run_harms_no_other(capsys) -> None:
    driver = start("--seeds=2", "--trainer.max_epochs=40")
    victim = wait_for_progress(2)[0]
    os.kill(victim.overview["pid"], signal.SIGKILL)
    text, _ = driver.communicate(timeout=120)
    assert driver.returncode == 1
    assert f"seed {victim.seed} failed (-9)" in text
    assert "1 of 2, group mine" in text
    assert len(finished()) == 1
    main([*SMALL, "--seeds=2", "--trainer.max_epochs=40"])
    assert finished().keys() == {1, 2}
    assert len(RunRecord.all(Path())) == 2 + (
        victim.run.version not in {record.run.version for record in finished().values()}
    )


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL])
def test_stopped_driver_goes_on(signum: int) -> None:
    driver = start("--seeds=2", "--trainer.max_epochs=60")
    records = wait_for_progress(2)
    driver.send_signal(signum)
    driver.communicate(timeout=60)
    assert driver.returncode == (130 if signum == signal.SIGINT else -9)
    for _ in range(100):
        if all(RunRecord(record.run).status == "interrupted" for record in records):
            break
        time.sleep(0.1)
    assert not finished()
    assert all((record.run.checkpoint_dir / "last.ckpt").is_file() for record in records)
    main([*SMALL, "--seeds=2", "--trainer.max_epochs=60"])
    assert finished().keys() == {1, 2}
    assert len(RunRecord.all(Path())) == 2
    sessions = json.loads(Path("lightning_logs/version_0/provenance.json").read_text())
    assert len(sessions) == 2
