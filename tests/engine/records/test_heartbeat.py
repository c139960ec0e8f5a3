import json
import math
from pathlib import Path
from types import SimpleNamespace as Fake

import pytest
import torch

from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.engine.records.heartbeat import Heartbeat, _steps
from src.engine.records.run_record import RunRecord
from src.train import main
from tests.conftest import Train

LOGS = Path("lightning_logs/version_0")


def progress() -> dict:
    return json.loads((LOGS / "progress.json").read_text())


def test_progress_tells_each_validation(finished: Train) -> None:
    finished("--trainer.max_epochs=2")
    found = progress()
    assert (found["step"], found["steps"], found["samples"]) == (22, 22, 440)
    assert [(each["step"], each["epoch"]) for each in found["validations"]] == [(11, 1), (22, 2)]
    first, second = found["validations"]
    assert {"val/acc", "val/loss"} <= first.keys()
    assert 0 < first["seconds"] < second["seconds"] <= found["seconds"]


def test_progress_goes_on_where_the_run_does(finished: Train) -> None:
    finished("--trainer.max_epochs=1")
    before = progress()
    (LOGS / "traceback.txt").write_text("of a session before")
    main(["--ckpt_path=last", "--trainer.max_epochs=3"])
    found = progress()
    assert [each["step"] for each in found["validations"]] == [11, 22, 33]
    assert found["samples"] == 660
    assert found["seconds"] > before["seconds"]
    assert not (LOGS / "traceback.txt").exists()


def test_target_ends_training_and_counts_what_it_took(train: Train) -> None:
    metrics = train(
        "--trainer.max_epochs=9", "--trainer.val_check_interval=4", "--target=val/acc=0.8"
    )
    reached = next(each for each in progress()["validations"] if each["val/acc"] >= 0.8)
    assert metrics["to_target_steps"] == metrics["steps"] == reached["step"] < 99
    assert metrics["to_target_samples"] == reached["samples"]
    assert metrics["to_target_s"] == reached["seconds"] <= metrics["fit_s"]


def test_run_that_misses_its_target_is_told(train: Train, capsys) -> None:
    metrics = train("--trainer.max_epochs=1", "--target=val/loss=0.00001")
    assert "to_target_s" not in metrics
    assert "target         val/loss=0.00001 not reached" in capsys.readouterr().out


def test_reached_target_is_remembered_and_can_be_moved(train: Train) -> None:
    metrics = train("--trainer.max_epochs=5", "--target=val/acc=0.3")
    main(["--ckpt_path=last", "--target=val/acc=0.99"])
    again = json.loads((LOGS / "metrics.json").read_text())
    assert again["to_target_steps"] > metrics["to_target_steps"]


def test_reached_target_has_ended_the_run(train: Train) -> None:
    metrics = train("--trainer.max_epochs=9", "--target=val/acc=0.8")
    (LOGS / "metrics.json").unlink()
    (LOGS / "traceback.txt").write_text("the test failed")
    main(["--ckpt_path=last"])
    again = json.loads((LOGS / "metrics.json").read_text())
    for name in ("steps", "test/acc", "to_target_steps", "to_target_s"):
        assert again[name] == metrics[name]
    assert again["fit_s"] > 0
    assert not (LOGS / "traceback.txt").exists()


def test_target_stays_reached_when_the_best_state_is_tested(train: Train) -> None:
    metrics = train("--trainer.max_epochs=4", "--target=val/loss=0.0", "--best.monitor=val/acc")
    assert "to_target_steps" not in metrics
    options = ["--best.monitor=train/lr", "--best.mode=max", "--trainer.max_epochs=9"]
    options += ["--trainer.val_check_interval=4", "--trainer.log_every_n_steps=1"]
    slow = "--model.scheduler=null", "--model.optimizer.lr=0.0003"
    metrics = train(*options, *slow, "--target=val/acc=0.9")
    best = read_checkpoint("checkpoints/version_1/best.ckpt")["global_step"]
    assert best < metrics["to_target_steps"]  # all rates are equal: the first state is kept


def test_seconds_are_those_of_all_sessions(finished: Train) -> None:
    first = finished("--trainer.max_epochs=1")
    main(["--ckpt_path=last", "--trainer.max_epochs=2"])
    again = json.loads((LOGS / "metrics.json").read_text())
    assert again["fit_s"] > progress()["validations"][0]["seconds"]
    assert again["fit_s"] > first["fit_s"] / 2


def test_damaged_progress_harms_nobody(finished: Train) -> None:
    finished("--trainer.max_epochs=1")
    (LOGS / "progress.json").write_text("")
    assert RunRecord.find("version_0").status == "finished"


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """The time, which stands still until a test moves it."""
    now = [100.0]
    monkeypatch.setattr("src.engine.records.heartbeat.time.perf_counter", lambda: now[0])
    return now


def trainer_of(**more) -> Fake:
    known = {"is_global_zero": True, "global_step": 7, "max_steps": -1, "max_epochs": 2}
    known |= {"num_training_batches": 5, "accumulate_grad_batches": 2, "world_size": 3}
    known |= {"sanity_checking": False, "current_epoch": 1}
    known |= {"lightning_module": Fake(automatic_optimization=True)}
    metrics = {"val/acc": torch.tensor(0.5), "train/loss": torch.tensor(1.0)}
    logged = Fake(meta=Fake(name="val/acc"), value=0)  # what the validation itself has logged
    return Fake(**known | {"callback_metrics": metrics, "_results": {"": logged}} | more)


def written(folder: Path) -> dict:
    return json.loads((folder / "progress.json").read_text())


def test_progress_is_written_at_the_start_and_at_the_end(tmp_path: Path, clock) -> None:
    (tmp_path / "traceback.txt").touch()
    heart = Heartbeat(tmp_path)
    heart.on_train_start(trainer_of(), None)
    told = {"step": 7, "steps": 6, "seconds": 0.0, "samples": 0, "validations": []}
    assert written(tmp_path) == told
    assert not (tmp_path / "traceback.txt").exists()
    clock[0] += 2.5
    heart.on_train_end(trainer_of(), None)
    assert written(tmp_path) == told | {"seconds": 2.5}


def test_progress_is_written_each_second(tmp_path: Path, clock) -> None:
    heart, batch = Heartbeat(tmp_path), torch.zeros(10)
    heart.on_train_start(trainer_of(), None)
    for passed, samples in ((0.5, 0), (0.25, 0), (0.25, 90), (0.75, 90)):
        clock[0] += passed
        heart.on_train_batch_end(trainer_of(), None, None, batch, 0)
        assert written(tmp_path)["samples"] == samples
    assert heart.samples == 120


def test_each_validation_is_kept(tmp_path: Path, clock) -> None:
    heart = Heartbeat(tmp_path)
    heart.on_train_start(trainer_of(), None)
    heart.setup(trainer_of(), None, "validate")
    clock[0] += 3
    heart.on_validation_end(trainer_of(), None)
    heart.setup(trainer_of(), None, "fit")
    heart.on_validation_end(trainer_of(sanity_checking=True), None)
    assert heart.validations == []
    heart.on_validation_end(trainer_of(), None)
    seen = [{"step": 7, "epoch": 2, "seconds": 3.0, "samples": 0, "val/acc": 0.5}]
    assert heart.validations == written(tmp_path)["validations"] == seen


def test_first_process_writes_alone(tmp_path: Path, clock) -> None:
    (tmp_path / "traceback.txt").touch()
    Heartbeat(tmp_path).on_train_start(trainer_of(is_global_zero=False), None)
    assert [file.name for file in tmp_path.iterdir()] == ["traceback.txt"]


def test_progress_of_sessions_before_is_taken_over_by_a_training_alone(
    tmp_path: Path, clock
) -> None:
    state = {"seconds": 4.0, "samples": 5, "validations": [{"step": 1.0}]}
    heart = Heartbeat(tmp_path)
    assert (heart.seconds_before, heart.fitting) == (0.0, False)
    heart.load_state_dict({**state, "folder": "elsewhere"})
    assert heart.state_dict() == {"seconds": 0.0, "samples": 0, "validations": []}
    heart.fitting = True
    heart.load_state_dict({**state, "folder": "elsewhere"})
    assert (heart.state_dict(), heart.seconds_before, heart.folder) == (state, 4.0, tmp_path)


def test_progress_that_cannot_be_written_ends_no_run(tmp_path: Path, monkeypatch) -> None:
    asked = []

    def write(path: Path, content: dict, sync: bool, indent: None) -> None:
        asked.append((path.name, sync))
        raise OSError

    monkeypatch.setattr("src.engine.records.heartbeat.write_json", write)
    Heartbeat(tmp_path).on_train_end(trainer_of(), None)
    assert asked == [("progress.json", False)]


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({"max_epochs": 2}, 6),
        ({"max_epochs": 2, "max_steps": 5}, 5),
        ({"max_epochs": 2, "max_steps": 9}, 6),
        ({"max_epochs": -1, "max_steps": 9}, 9),
        ({"max_epochs": None, "max_steps": 9}, 9),
        ({"max_epochs": -1}, None),
        ({"num_training_batches": math.inf}, None),
        ({"num_training_batches": math.inf, "max_steps": 9}, 9),
        ({"max_epochs": 0}, 0),
        ({"max_epochs": 2, "max_steps": 0}, 0),
        ({"max_epochs": 2, "num_training_batches": 0}, 0),
    ],
)
def test_end_is_told_where_it_is_known(settings: dict, steps: int | None) -> None:
    assert _steps(trainer_of(**settings)) == steps


@pytest.mark.parametrize(("batches", "step", "steps"), [(4, 8, 20), (0, 0, None), (4, 0, None)])
def test_end_of_a_module_that_steps_by_hand_is_that_of_its_pace(batches, step, steps) -> None:
    progress = Fake(total=Fake(completed=batches))
    trainer = trainer_of(lightning_module=Fake(automatic_optimization=False), global_step=step)
    trainer.fit_loop = Fake(epoch_loop=Fake(batch_progress=progress))
    assert _steps(trainer) == steps


def test_batches_that_do_not_tell_count_no_samples(tmp_path: Path, clock) -> None:
    heart = Heartbeat(tmp_path)
    for batch in (["text"], torch.zeros(2, 1)):
        heart.on_train_batch_end(trainer_of(), None, None, batch, 0)
    assert heart.samples == 6


def test_samples_of_older_states_are_taken_over(tmp_path: Path) -> None:
    heart = Heartbeat(tmp_path)
    heart.fitting = True
    heart.load_state_dict({"seconds": 4.0, "images": 5, "validations": []})
    assert heart.samples == 5
