import json
from pathlib import Path

from src.experiment.run_record import RunRecord
from src.train import main
from tests.conftest import Train

LOGS = Path("lightning_logs/version_0")


def progress() -> dict:
    return json.loads((LOGS / "progress.json").read_text())


def test_progress_tells_each_validation(finished: Train) -> None:
    finished("--trainer.max_epochs=2")
    found = progress()
    assert (found["step"], found["steps"], found["images"]) == (22, 22, 440)
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
    assert found["images"] == 660
    assert found["seconds"] > before["seconds"]
    assert not (LOGS / "traceback.txt").exists()


def test_target_ends_training_and_counts_what_it_took(train: Train) -> None:
    metrics = train(
        "--trainer.max_epochs=9", "--trainer.val_check_interval=4", "--target=val/acc=0.8"
    )
    reached = next(each for each in progress()["validations"] if each["val/acc"] >= 0.8)
    assert metrics["to_target_steps"] == metrics["steps"] == reached["step"] < 99
    assert metrics["to_target_images"] == reached["images"]
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
    options = ["--best.monitor=val/loss", "--best.mode=max", "--trainer.max_epochs=9"]
    metrics = train(*options, "--target=val/acc=0.9")
    assert "to_target_steps" in metrics


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
