import json
from pathlib import Path

from src.engine.records.looks import looks
from src.engine.records.run_record import RunRecord
from src.train import main
from tests.conftest import Train


def test_run_writes_what_lists_show(train: Train) -> None:
    train("--trainer.max_epochs=1", "--group=mine", "--seed_everything=5")
    glance = json.loads(Path("lightning_logs/version_0/run.json").read_text())
    assert (glance["group"], glance["seed"]) == ("mine", 5)
    assert glance["changed"]["trainer.max_epochs"] == 1
    assert glance["changed"]["data.batch_size"] == 20
    assert "seed_everything" not in glance["changed"]
    main(["--ckpt_path=last", "--trainer.max_epochs=2"])
    again = json.loads(Path("lightning_logs/version_0/run.json").read_text())
    assert again["group"] == "mine"
    assert again["began"] == glance["began"]
    assert again["changed"].get("trainer.max_epochs") is None


def test_seed_that_is_drawn_is_the_one_recorded(train: Train) -> None:
    train("--trainer.max_epochs=1", "--seed_everything=true")
    train("--trainer.max_epochs=1", "--seed_everything=true")
    first, second = RunRecord.all(Path())
    assert first.seed != second.seed
    assert first.seed == first.settings["seed_everything"]
    assert first.config == second.config


def test_each_test_is_a_look(train: Train) -> None:
    metrics = train("--trainer.max_epochs=1")
    train("--trainer.max_epochs=1", "--test=false")
    (look,) = looks(Path())
    assert look["metrics"]["test/acc"] == metrics["test/acc"]
    assert (look["run"], look["seed"], look["by"]) == ("version_0", 0, "src.train")
    assert look["config"] == RunRecord.find("version_0").config


def test_run_without_a_test_has_its_best_state_and_no_test_result(train: Train) -> None:
    metrics = train("--trainer.max_epochs=2", "--test=false")
    assert "val/acc_best" in metrics
    assert not any(name.startswith("test/") for name in metrics)
    assert Path("checkpoints/version_0/model.pt").is_file()
