"""Ways of writing a module that tutorials teach: each trains, continues and is reproduced."""

import json
from pathlib import Path

import pytest

from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.engine.records.run_record import RunRecord
from src.reproduce import main as reproduce
from src.train import main
from tests.test_any_module import configured, empty, state, stop_and_go_on  # noqa: F401

STYLES = "tests.trials.styles"
MODULES = {
    "nested": {"act": {"class_path": "torch.nn.Tanh"}, "size": {"hidden": 3}, "optim": {"lr": 0.1}},
    "talkative": {},
    "mover": {},
    "many loaders": {},
    "asking": {},
    "with backbone": {"backbone": {"class_path": f"{STYLES}.Backbone"}},
    "handmade": {},
    "two by hand": {},
}
DATA = {"asking": "Streamed", "with backbone": "Split"}
SHORT = {"max_epochs": 3, "log_every_n_steps": 2, "reload_dataloaders_every_n_epochs": 1}
QUIET = {"enable_progress_bar": False, "enable_model_summary": False, "callbacks": None}
pytestmark = [
    pytest.mark.usefixtures("empty"),
    pytest.mark.filterwarnings("ignore:Attribute 'act' is an instance of `nn.Module`"),
    pytest.mark.filterwarnings("ignore:`training_step` returned `None`"),
]


def write_style(style: str) -> None:
    name = "".join(word.capitalize() for word in style.split())
    model = {"class_path": f"{STYLES}.{name}", "init_args": MODULES[style]}
    data = {"data": configured(f"{STYLES}.{DATA[style]}")} if style in DATA else {}
    content = {"seed_everything": 1, "trainer": SHORT | QUIET, "model": model, **data}
    Path("x.yaml").write_text(json.dumps(content))


def train(style: str) -> RunRecord:
    write_style(style)
    main(["--config=x.yaml"])
    return RunRecord.find("last")


@pytest.mark.parametrize("style", MODULES)
def test_module_goes_on_and_is_reproduced(style: str, capsys) -> None:
    train(style)
    done = read_checkpoint("checkpoints/version_0/last.ckpt")["global_step"]
    stop_and_go_on(done * 5 // 9)
    assert state(1) == state(0)
    with pytest.raises(SystemExit) as stop:
        reproduce(["checkpoints/version_0"])
    assert stop.value.code == 0, capsys.readouterr().out


def test_curves_and_pictures_of_a_module_are_kept(capsys) -> None:
    record = train("talkative")
    assert "mean output" in capsys.readouterr().out
    assert {"mine/loss", "train/mse_step", "train/rmse_epoch", "val/mse"} <= record.curves.keys()
    assert record.metrics["train/mse_epoch"] > 0


def test_each_of_several_loaders_is_tested() -> None:
    metrics = train("many loaders").metrics
    assert {"test/mse_0", "test/mse_1", "val/mse/dataloader_idx_1"} <= metrics.keys()
    assert metrics["test_samples"] == 20


def test_states_of_a_module_and_its_data_are_kept() -> None:
    train("asking")
    kept = read_checkpoint("checkpoints/version_0/last.ckpt")
    assert kept["Streamed"] == {"made": 3}
    write_style("handmade")
    main(["--config=x.yaml"])
    handmade = read_checkpoint("checkpoints/version_1/last.ckpt")
    assert handmade["seen"] == 60
    assert not any("frozen" in name for name in handmade["state_dict"])


def test_objects_among_hyperparameters_are_in_the_configuration_alone(capsys) -> None:
    record = train("nested")
    assert "that are objects are in no checkpoint: act, size" in capsys.readouterr().err
    content = read_checkpoint("checkpoints/version_0/last.ckpt")
    assert content["hyper_parameters"] == {"optim": {"lr": 0.1}}
    assert record.settings["model.act"] == "torch.nn.Tanh"


def test_last_batch_without_a_step_belongs_to_what_is_reproduced() -> None:
    write_style("two by hand")
    main(["--config=x.yaml", "--trainer.limit_train_batches=5"])
    with pytest.raises(SystemExit) as stop:
        reproduce(["checkpoints/version_0"])
    assert stop.value.code == 0
