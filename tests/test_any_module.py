"""Modules that know nothing of this project, their own loaders and Lightning's own demos."""

import inspect
import json
import pkgutil
import shutil
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from lightning.pytorch.demos.lstm import SimpleLSTM
from lightning.pytorch.demos.transformer import Transformer, WikiText2

from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.engine.checkpoints.digest import digest
from src.reproduce import main as reproduce
from src.runs import main as runs
from src.train import main
from tests.at_once import Fork, forked_processes
from tests.test_killed_run import finish, kill_often
from tests.test_train import refusal

DEMOS = "lightning.pytorch.demos"
TRIALS = {
    "data module": {
        "model": "tests.trials.classifier.Classifier",
        "data": "tests.trials.classifier.ClassifierData",
    },
    "own loaders": {"model": "tests.trials.classifier.OwnLoaders"},
    "autoencoder": {"model": "tests.trials.autoencoder.Autoencoder"},
    "gan": {"model": "tests.trials.gan.GAN"},
    "language model": {
        "model": "tests.trials.language_model.LanguageModel",
        "data": "tests.trials.language_model.Text",
    },
    "dqn": {"model": "tests.trials.dqn.DQN"},
    "recurrent": {"model": "tests.trials.recurrent.Recurrent"},
    "regression": {"model": "tests.trials.regression.Regression"},
    "multi-label": {
        "model": {
            "class_path": "tests.trials.multi_label.MultiLabel",
            "init_args": {"num_classes": 3, "shuffle": False},
        }
    },
    "segmentation": {"model": "tests.trials.segmentation.Segmentation"},
    "fine-tuning": {
        "model": "tests.trials.finetuning.Pretrained",
        "callbacks": "tests.trials.finetuning.HeadFirst",
    },
    "boring": {"model": f"{DEMOS}.boring_classes.BoringModel"},
    "boring data": {
        "model": f"{DEMOS}.boring_classes.BoringModel",
        "data": f"{DEMOS}.boring_classes.BoringDataModule",
    },
    "boring by hand": {"model": f"{DEMOS}.boring_classes.ManualOptimBoringModel"},
    "demo": {
        "model": f"{DEMOS}.boring_classes.DemoModel",
        "data": "tests.trials.demos.Vectors",
    },
    "lstm": {
        "model": {"class_path": f"{DEMOS}.lstm.LightningLSTM", "init_args": {"vocab_size": 12}}
    },
    "transformer": {
        "model": {
            "class_path": f"{DEMOS}.transformer.LightningTransformer",
            "init_args": {"vocab_size": 12},
        },
    },
}
SLOW = {"lstm", "transformer", "own loaders", "boring data", "boring by hand", "demo"}
INEXACT_INSIDE = {"dqn"}  # its samples are read one batch ahead of what it remembers
SHORT = {"max_epochs": 3, "limit_train_batches": 3, "log_every_n_steps": 2}
QUIET = {"enable_progress_bar": False, "enable_model_summary": False}
MEANS_NOTHING = ("Traceback", "accuracy", "image", "network", " 0%", "0.00%", "val/acc")
MEANS_NOTHING += ("continue exactly",)
EXACT = ("state_dict", "optimizer_states", "lr_schedulers", "epoch_metrics", "metrics")


@pytest.fixture(
    params=[pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in TRIALS]
)
def trial(request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write the configuration of a trial, whose epochs have three batches, into an empty folder."""
    monkeypatch.chdir(tmp_path)
    put_text(monkeypatch)
    write_config(**TRIALS[request.param])
    return request.param


@pytest.fixture
def trials_forked(loaded: None) -> Iterator[None]:
    with forked_processes(prepare=offline):
        yield


def write_config(callbacks: str | None = None, **parts) -> None:
    settings = {name: configured(part) for name, part in parts.items()}
    trainer = {"callbacks": callbacks, **SHORT, **QUIET}
    content = {"seed_everything": 1, "trainer": trainer, **settings}
    Path("x.yaml").write_text(yaml.safe_dump(content))


def configured(part: str | dict) -> dict:
    """Name a class with its arguments, as it is put on one side whether it shuffles."""
    part = {"class_path": part} if isinstance(part, str) else part
    given = dict(part.get("init_args", {}))
    if "shuffle" in inspect.signature(pkgutil.resolve_name(part["class_path"])).parameters:
        given["shuffle"] = True
    return {"class_path": part["class_path"], "init_args": given}


def put_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a text where two of Lightning's demos would fetch one."""
    offline(monkeypatch.setattr)
    Path("data").mkdir()
    words = [chr(ord("a") + i * j % 11) for j in range(60) for i in range(40)]
    Path("data/wikitext-2.txt").write_text(" ".join(words))


def offline(put: Callable = setattr) -> None:
    """Let Lightning's demos fetch nothing, and their language models be small."""
    put(WikiText2, "download", staticmethod(lambda path: None))
    put(SimpleLSTM.__init__, "__defaults__", (12, 8, 8, 2, 0.2))  # words, widths, layers, dropout
    put(Transformer.__init__, "__defaults__", (12, 8, 2, 8, 2, 0.2))


def state(run: int) -> dict[str, str]:
    content = read_checkpoint(f"checkpoints/version_{run}/last.ckpt")
    return {part: digest(content[part]) for part in EXACT}


def stop_and_go_on(steps: int) -> None:
    main(["--config=x.yaml", f"--trainer.max_steps={steps}"])
    main(["--ckpt_path=last", "--trainer.max_steps=-1"])


def test_module_trains_goes_on_and_is_reproduced(trial: str, capsys) -> None:
    main(["--config=x.yaml"])
    done = read_checkpoint("checkpoints/version_0/last.ckpt")["global_step"]
    stop_and_go_on(done * 5 // 9)  # in the second of its three epochs
    runs(["ls"])
    runs(["show", "last"])
    with pytest.raises(SystemExit) as stop:
        reproduce(["checkpoints/version_0"])
    said = capsys.readouterr()
    assert stop.value.code == 0
    assert [word for word in MEANS_NOTHING if word in told(said.out + said.err)] == []
    assert state(1) == state(0) or trial in INEXACT_INSIDE


def told(text: str) -> str:
    """Leave out the settings, which have defaults, and what this checkout carries."""
    lines = text.replace("only src.data.ExactLoader", "").replace("the images may", "").splitlines()
    kept = [line for line in lines if not line.startswith(("best.", "they carry"))]
    return "\n".join(line for line in kept if "uncommitted" not in line)


@pytest.mark.slow
def test_module_goes_on_after_an_epoch(trial: str) -> None:
    main(["--config=x.yaml"])
    stop_and_go_on(read_checkpoint("checkpoints/version_0/previous.ckpt")["global_step"])
    assert state(1) == state(0)


@pytest.mark.parametrize("trial", ["recurrent"], indirect=True)
def test_what_an_epoch_has_logged_before_a_stop_counts(trial: str) -> None:
    main(["--config=x.yaml"])
    stop_and_go_on(8)  # in the last epoch
    assert metrics(1).keys() >= {"loss_epoch", "most", "first_epoch", "decay"}
    assert state(1) == state(0)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def metrics(run: int = 0) -> dict[str, float]:
    return json.loads(Path(f"lightning_logs/version_{run}/metrics.json").read_text())


@pytest.mark.usefixtures("empty")
def test_module_with_loaders_needs_no_configuration(capsys) -> None:
    boring = TRIALS["boring"]["model"]
    main([f"--model={boring}", "--trainer.limit_train_batches=2", *quiet_words()])
    assert (metrics()["steps"], metrics()["test_samples"]) == (4, 64)  # in two epochs
    assert "the last state is tested" in capsys.readouterr().err


def quiet_words() -> list[str]:
    return [f"--trainer.{name}=false" for name in QUIET]


@pytest.mark.usefixtures("empty")
def test_run_of_a_regression_tells_what_it_tested(capsys) -> None:
    write_config(**TRIALS["regression"])
    main(["--config=x.yaml"])
    rmse = metrics()["test/rmse"]
    assert f"test           rmse {rmse:.4g} (15 samples)\n" in capsys.readouterr().out
    with np.load("lightning_logs/version_0/predictions.npz") as arrays:
        error = arrays["output"] - arrays["target"]
    assert np.sqrt(np.mean(error**2)) == pytest.approx(rmse, rel=1e-5)
    saved = torch.load("checkpoints/version_0/model.pt", weights_only=True)
    assert set(saved) == {"layer.weight", "layer.bias"}


@pytest.mark.usefixtures("empty")
def test_module_without_a_test_is_kept_as_it_is(capsys) -> None:
    write_config(**TRIALS["gan"])
    main(["--config=x.yaml"])
    said = capsys.readouterr()
    assert "the last state is kept" in said.err
    assert "training       18 steps in 3 epochs\n" in said.out  # two in each batch
    progress = json.loads(Path("lightning_logs/version_0/progress.json").read_text())
    assert (progress["step"], progress["steps"], progress["samples"]) == (18, 18, 72)
    assert not {"test_s", "test_samples"} & metrics().keys()


@pytest.mark.usefixtures("empty")
def test_state_that_is_tested_is_not_the_one_that_was_continued() -> None:
    write_config(**TRIALS["regression"])
    main(["--config=x.yaml", "--trainer.max_epochs=1"])
    shutil.copy("checkpoints/version_0/last.ckpt", "copy.ckpt")
    main(["--ckpt_path=copy.ckpt", "--trainer.max_epochs=3"])
    weights = torch.load("checkpoints/version_1/model.pt", weights_only=True)
    last = read_checkpoint("checkpoints/version_1/last.ckpt")["state_dict"]
    assert digest(weights) == digest({name: last[name] for name in weights})


@pytest.mark.usefixtures("empty")
def test_callback_may_set_free_what_is_trained() -> None:
    write_config(**TRIALS["fine-tuning"])
    main(["--config=x.yaml"])
    content = read_checkpoint("checkpoints/version_0/last.ckpt")
    assert len(content["optimizer_states"][0]["param_groups"]) == 2
    assert content["flags"]["frozen"] == []
    assert read_checkpoint("checkpoints/version_0/previous.ckpt")["global_step"] == 6


@pytest.mark.usefixtures("empty")
def test_stranger_names_no_class_that_was_not_used_here(memory: Path, capsys) -> None:
    write_config(**TRIALS["own loaders"])
    main(["--config=x.yaml"])
    memory.unlink()  # as on another machine
    code, line = refusal(capsys, "--ckpt_path=last", "--trainer.max_epochs=4")
    assert (code, "tests was not used on this machine" in line) == (2, True)
    main(["--ckpt_path=last", "--trainer.max_epochs=4", "--trust=tests"])
    assert metrics()["epochs"] == 4


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
def test_stopped_trial_ends_like_one_never_stopped(trial: str) -> None:
    words = ["--config=x.yaml", "--trainer.max_epochs=33", "--last.every_n_steps=2"]
    begin = partial(Fork, prepare=offline)
    finish(*words, begin=begin)
    kill_often(3, 1, *words, run=1, begin=begin)
    kill_often(1, 2, *words, run=2, signum=signal.SIGTERM, begin=begin)
    assert state(1) == state(2) == state(0) or trial in INEXACT_INSIDE
