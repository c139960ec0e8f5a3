"""The command as a user types it, on synthetic MNIST."""

import hashlib
import json
import os
import shlex
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from types import SimpleNamespace as Fake
from typing import Any

import pytest
import torch
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from src.data import MNISTDataModule
from src.engine.records.metric import Metric
from src.engine.training.cli import TrainCLI
from src.models import CNN
from src.train import DEFAULT, main
from tests.at_once import Fork
from tests.conftest import Train, newest_metrics

SMALL = {
    "ClutteredMNISTDataModule": "tests.tiny_cluttered_mnist.TinyClutteredMNIST",
    "SeveralMNISTDataModule": "tests.tiny_several_mnist.TinySeveralMNIST",
    "TextDataModule": "TextDataModule",
    "TurnedMNISTDataModule": "tests.tiny_turned_mnist.TinyTurnedMNIST",
}
CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))
FLAGS = ["--data=tests.tiny_mnist.TinyMNIST", "--data.batch_size=20", "--trainer.max_epochs=1"]


def events() -> EventAccumulator:
    return EventAccumulator("lightning_logs/version_0").Reload()


def digest(path: str = "checkpoints/version_0/model.pt") -> str:
    weights = torch.load(path, weights_only=True)
    data = b"".join(value.contiguous().numpy().tobytes() for value in weights.values())
    return hashlib.sha256(data).hexdigest()


def refusal_of(capsys: pytest.CaptureFixture[str], command: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stop:
        command()
    last = capsys.readouterr().err.strip().splitlines()
    assert not any("Traceback" in line for line in last)
    return stop.value.code, next(line for line in last if line.startswith("error"))


def refusal(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    return refusal_of(capsys, lambda: main(list(args)))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_every_config_trains_a_batch(train: Train, config: Path, capsys) -> None:
    data = yaml.safe_load(config.read_text())["data"]["class_path"].rpartition(".")[2]
    small = SMALL.get(data, "tests.tiny_mnist.TinyMNIST")
    train(f"--config={config}", f"--data={small}", "--trainer.fast_dev_run=true")
    assert "nothing was validated" not in capsys.readouterr().err


def test_run_leaves_everything_it_promises(
    train: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = train("--trainer.max_epochs=2", observed=True)
    logs = {file.name for file in Path("lightning_logs/version_0").iterdir()}
    pictures = {"curves.png", "test_images.png", "test_predictions.png"}
    assert {"config.yaml", "metrics.json", "provenance.json"} | pictures <= logs
    saved = {file.name for file in Path("checkpoints/version_0").iterdir()}
    assert saved == {"best.ckpt", "last.ckpt", "previous.ckpt", "model.pt"}
    assert metrics["test/acc"] == 1.0
    assert metrics["steps"] == 22
    table = capsys.readouterr().out
    assert "100.00%, 95% interval 93.98% to 100.00% (60 images)" in table
    assert "--ckpt_path checkpoints/version_0 --trainer.max_epochs 4" in table


@pytest.mark.parametrize("extra", [[], ["--trainer.callbacks+=EMAWeightAveraging"]])
def test_saved_network_is_the_best_state(train: Train, extra: list[str]) -> None:
    train("--trainer.max_epochs=2", "--model.network.width=4", *extra)
    network = CNN(width=4)
    network.load_state_dict(torch.load("checkpoints/version_0/model.pt", weights_only=True))
    best = torch.load("checkpoints/version_0/best.ckpt", weights_only=True)["state_dict"]
    for name, value in network.state_dict().items():
        assert torch.equal(value, best[f"network.{name}"])


def test_slurm_may_be_installed(train: Train, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "srun").touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_NTASKS", "2")  # a shell in which a job may start two processes
    with warnings.catch_warnings(action="error"):  # such as advice to use srun
        assert train("--trainer.max_epochs=1")["steps"] == 11


def test_tensorboard_gets_curves_pictures_graph_and_hparams(train: Train) -> None:
    train("--trainer.max_epochs=2", observed=True)
    tags = events().Tags()
    curves = {f"{split}/{metric}" for split in ("train", "val") for metric in ("loss", "acc")}
    assert curves | {"train/samples_per_s", "train/lr", "test/acc", "val/acc_best"} <= set(
        tags["scalars"]
    )
    assert set(tags["images"]) == {"train/images", "test/images", "test/predictions"}
    assert tags["graph"]
    assert [point.step for point in events().Scalars("train/loss")] == [4, 9, 10, 14, 19, 21]
    assert "epoch" not in tags["scalars"]


def test_best_state_has_the_highest_validation_accuracy(train: Train) -> None:
    metrics = train("--trainer.max_epochs=3", "--model.optimizer.lr=0.001")
    accuracy = [point.value for point in events().Scalars("val/acc")]
    assert min(accuracy) < max(accuracy) == metrics["val/acc_best"]
    (best,) = events().Scalars("val/acc_best")
    assert best.value == max(accuracy)
    state = torch.load("checkpoints/version_0/best.ckpt", weights_only=True)
    assert state["global_step"] == 11 * (accuracy.index(max(accuracy)) + 1)


def test_run_goes_on_in_its_own_folders(train: Train) -> None:
    train("--trainer.max_epochs=1", "--model.network.width=4")
    main(["--ckpt_path=checkpoints/version_0/last.ckpt", "--trainer.max_epochs=3"])
    assert not Path("lightning_logs/version_1").exists()
    steps = [point.step for point in events().Scalars("train/loss")]
    assert steps == sorted(set(steps))
    assert [point.step for point in events().Scalars("val/acc")] == [10, 21, 32]
    config = yaml.safe_load(Path("lightning_logs/version_0/config.yaml").read_text())
    assert config["model"]["init_args"]["network"]["init_args"]["width"] == 4
    assert config["trainer"]["max_epochs"] == 3


def test_curves_repeat_no_step_after_an_earlier_checkpoint(finished: Train) -> None:
    finished("--trainer.max_epochs=1")
    Path("checkpoints/version_0/last.ckpt").rename("checkpoints/version_0/first.ckpt")
    main(["--ckpt_path=checkpoints/version_0/first.ckpt", "--trainer.max_epochs=2"])
    main(["--ckpt_path=checkpoints/version_0/first.ckpt", "--trainer.max_epochs=3"])
    resumed = sorted(Path("lightning_logs/version_0").glob("events*"))[-3]
    starts = [e.step for e in EventFileLoader(str(resumed)).Load() if e.HasField("session_log")]
    assert starts == [11]
    assert [point.step for point in events().Scalars("val/acc")] == [10, 21, 32]


def test_moved_run_keeps_its_best_state(finished: Train, tmp_path: Path, monkeypatch) -> None:
    finished("--trainer.max_epochs=1")
    (tmp_path / "moved").mkdir()
    for name in ("data", "lightning_logs", "checkpoints"):
        (tmp_path / name).rename(tmp_path / "moved" / name)
    monkeypatch.chdir(tmp_path / "moved")
    main(["--ckpt_path=checkpoints/version_0/last.ckpt", "--trainer.max_epochs=2"])
    states = torch.load("checkpoints/version_0/last.ckpt", weights_only=True)["callbacks"]
    (best,) = (state for name, state in states.items() if "'monitor': 'val/acc'" in name)
    assert best["best_model_path"] == str(tmp_path / "moved/checkpoints/version_0/best.ckpt")


@pytest.mark.parametrize(
    "flag",
    [
        "--model.network=tests.noisy_network.NoisyNetwork",
        "--model.optimizer=SGD",
        "--data.batch_size=10",
        "--data.shuffle=false",
        "--seed_everything=3",
        "--trainer.accumulate_grad_batches=2",
        "--best.mode=min",
    ],
)
def test_experiment_cannot_change_in_the_middle(finished: Train, capsys, flag: str) -> None:
    finished("--trainer.max_epochs=1")
    code, line = refusal(capsys, "--ckpt_path=last", "--trainer.max_epochs=2", flag)
    assert code == 2
    name, _, _ = flag.partition("=")
    assert line.startswith(f"error: {name} cannot change in the middle of a run")


def test_checkpoint_from_elsewhere_goes_on_in_a_new_run(finished: Train) -> None:
    finished("--trainer.max_epochs=1")
    Path("checkpoints/version_0/last.ckpt").rename("elsewhere.ckpt")
    main(["--ckpt_path=elsewhere.ckpt", "--trainer.max_epochs=2"])
    assert {file.name for file in Path("checkpoints/version_1").iterdir()} == {
        "best.ckpt",
        "last.ckpt",
        "model.pt",
    }


def test_run_may_end_in_steps(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = train("--trainer.max_steps=11")
    assert metrics["steps"] == 11
    assert "--trainer.max_steps 22" in capsys.readouterr().out
    code, line = refusal(capsys, "--ckpt_path=checkpoints/version_0/last.ckpt")
    assert (code, "already reached its end, step 11" in line) == (2, True)


@pytest.mark.filterwarnings("ignore:.*checkpoint that ended before the epoch ended")
def test_printed_command_continues_a_run_cut_in_an_epoch(train: Train, capsys) -> None:
    train("--trainer.max_epochs=2", "--trainer.max_steps=15")
    table = capsys.readouterr().out
    assert "15 steps in 2 epochs" in table
    command = table.partition("python -m src.train ")[2].split()
    main(command)
    metrics = json.loads(Path("lightning_logs/version_0/metrics.json").read_text())
    assert metrics["steps"] == 30


def test_run_that_was_not_tested_can_be(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: TrainCLI) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TrainCLI, "test", interrupt)
        with pytest.raises(SystemExit):
            train("--trainer.max_epochs=1")
    main(["--ckpt_path=checkpoints/version_0/last.ckpt"])
    metrics = json.loads(Path("lightning_logs/version_0/metrics.json").read_text())
    assert (metrics["steps"], metrics["test_samples"]) == (11, 60)
    assert metrics["startup_s"] > 0
    assert metrics["fit_s"] > 0  # of the session that trained


def test_run_that_ended_by_the_clock_can_continue(train: Train, capsys) -> None:
    limits = ["--trainer.max_epochs=-1", "--trainer.max_time=00:00:00:01"]
    train("--model.scheduler=null", *limits)
    command = capsys.readouterr().out.partition("python -m src.train ")[2].split()
    assert command[2] == "--trainer.max_epochs"
    assert command[-2:] == ["--trainer.max_time", "null"]


def test_table_names_the_first_of_two_boards(train: Train, capsys) -> None:
    config = yaml.safe_load(DEFAULT.read_text())
    config["trainer"]["logger"] = [
        {"class_path": "TensorBoardLogger", "init_args": {"save_dir": name}} for name in "ab"
    ]
    Path("two.yaml").write_text(yaml.safe_dump(config))
    train("--config=two.yaml", "--trainer.max_epochs=1", observed=True)
    assert Path("a/lightning_logs/version_0/curves.png").is_file()
    assert "--logdir a/lightning_logs" in capsys.readouterr().out


def test_interrupted_start_leaves_no_run(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: TrainCLI) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(TrainCLI, "fit", interrupt)
    with pytest.raises(SystemExit):
        train()
    assert not list(Path().glob("*/version_*"))


def test_run_in_a_read_only_folder_is_refused(finished: Train, capsys, monkeypatch) -> None:
    finished("--trainer.max_epochs=1")
    access = os.access  # the tests may run as root, who may write everywhere
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    code, line = refusal(
        capsys, "--ckpt_path=checkpoints/version_0/last.ckpt", "--trainer.max_epochs=2"
    )
    assert code == 2
    assert "lightning_logs/version_0 is not writable" in line


def test_named_logger_shares_the_number_of_the_run(train: Train, finished: Train, capsys) -> None:
    finished("--trainer.max_epochs=1")
    logger = "--trainer.logger=TensorBoardLogger", "--trainer.logger.save_dir=elsewhere"
    train("--trainer.max_epochs=1", *logger, observed=True)
    assert Path("elsewhere/lightning_logs/version_1/curves.png").is_file()
    assert "--logdir elsewhere/lightning_logs" in capsys.readouterr().out


def test_file_is_read_before_all_other_words(train: Train) -> None:
    train("--trainer.max_epochs=1", f"--config={DEFAULT.with_name('notebook.yaml')}")
    config = yaml.safe_load(Path("lightning_logs/version_0/config.yaml").read_text())
    assert config["trainer"]["max_epochs"] == 1
    assert config["data"]["init_args"]["shuffle"] is False


@pytest.mark.parametrize(
    "flag",
    [
        "--trainer.limit_test_batches=0",
        "--trainer.limit_val_batches=0",
        "--trainer.enable_checkpointing=false",
        "--trainer.logger=false",
        "--trainer.logger=CSVLogger",
    ],
)
def test_parts_of_a_run_can_be_left_out(train: Train, flag: str) -> None:
    extra = ["--trainer.logger.save_dir=csv"] if "CSV" in flag else []
    train("--trainer.max_epochs=1", flag, *extra)
    assert Path("checkpoints/version_0/model.pt").is_file()
    assert Path("lightning_logs/version_0/config.yaml").is_file()
    assert not Path("config.yaml").exists()


def test_finished_run_has_nothing_to_go_on_with(
    finished: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    finished("--trainer.max_epochs=1")
    code, line = refusal(capsys, "--ckpt_path=checkpoints/version_0/last.ckpt")
    assert code == 2
    assert "already reached its end, epoch 1: give --trainer.max_epochs more than 1" in line


def test_finished_run_without_a_test_is_tested_when_that_is_asked_for(train: Train, capsys) -> None:
    train("--trainer.max_epochs=1", "--test=false")
    code, line = refusal(capsys, "--ckpt_path=last")
    assert (code, "or test it with python -m src.evaluate" in line) == (2, True)
    main(["--ckpt_path=last", "--test=true"])
    assert "test_s" in newest_metrics(Path())
    assert refusal(capsys, "--ckpt_path=last", "--test=true")[0] == 2


def test_same_seed_gives_the_same_bits(train: Train) -> None:
    for seed in (1, 1, 2):
        train("--trainer.max_epochs=1", f"--seed_everything={seed}")
    first, second, other = (digest(f"checkpoints/version_{n}/model.pt") for n in range(3))
    assert first == second
    assert first != other


def test_callbacks_change_no_weight(train: Train) -> None:
    train("--trainer.max_epochs=1", observed=True)
    train("--trainer.max_epochs=1", "--trainer.logger=false")
    assert digest() == digest("checkpoints/version_1/model.pt")


def test_printed_config_can_be_read_back(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*FLAGS, "--model.optimizer.lr=0.25", "--print_config"])
    Path("mine.yaml").write_text(capsys.readouterr().out)
    train("--config=mine.yaml", "--trainer.max_epochs=1")
    config = yaml.safe_load(Path("lightning_logs/version_0/config.yaml").read_text())
    assert config["model"]["init_args"]["optimizer"]["init_args"]["lr"] == 0.25


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true", "64-true"])
def test_every_precision_trains(train: Train, precision: str) -> None:
    metrics = train("--trainer.max_epochs=2", f"--trainer.precision={precision}")
    assert metrics["test/acc"] > 0.9


def test_augmentation_is_an_option(train: Train) -> None:
    metrics = train("--trainer.max_epochs=1", "--data.augment=src.data.PerImageAffine")
    assert metrics["test/acc"] > 0.9


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        ("--trainer.max_epoch=3", "did you mean --trainer.max_epochs?"),
        ("--model.network.widht=3", "did you mean --model.network.width?"),
        ("--data.batchsize=3", "did you mean --data.batch_size?"),
        ("--modle.network.width=3", "did you mean --model.network.width?"),
        ("--model.optimizer.lrr=1", "did you mean --model.optimizer.lr?"),
        ("--model.optimizer.lr=x", "--model.optimizer.lr: expected float, got x"),
        ("--model.network=Cnn", "did you mean CNN?"),
        ("--model.network=src.models.CNNN", "src.models has no CNNN; did you mean CNN?"),
        ("--model.network.num_classes=5", "the data set gives it, as data.num_classes"),
        ("--data.batch_size=0", "MNISTDataModule needs batch_size >= 1"),
        ("--trainer.accelerator=gpux", "invalid accelerator name"),
        ("--model.optimizer.lr=-1", "Invalid learning rate: -1.0"),
        ("--model.scheduler.warmup=2", "warmup of OneCycle must be in [0, 1), got 2.0"),
        ("--config=nowhere.yaml", "nowhere.yaml cannot be read (No such file or directory)"),
        ("--config", "--config needs a value"),
        ("--trainer.callbacks+=EarlyStopping", "--trainer.callbacks needs monitor"),
        ("--trainer.strategy=ddp_spawn", "use --trainer.strategy ddp"),
        ("--ckpt_path=", "--ckpt_path needs a value"),
        ("--ckpt_path=nowhere.ckpt", "there is no checkpoint nowhere.ckpt"),
    ],
)
def test_wrong_flag_is_refused_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flag: str,
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, line = refusal(capsys, flag)
    assert code == 2
    assert expected in line
    assert not list(tmp_path.glob("*/version_*"))


def test_misspelt_key_in_a_file_is_refused(train: Train, capsys) -> None:
    text = DEFAULT.read_text().replace("batch_size", "batchsize")
    Path("wrong.yaml").write_text(text)
    code, line = refusal(capsys, "--config=wrong.yaml")
    assert (code, line) == (
        2,
        "error: --data.batchsize is not an option; did you mean --data.batch_size?",
    )


def test_configuration_may_come_through_a_pipe(train: Train) -> None:
    os.mkfifo("pipe")
    text = DEFAULT.read_text()
    Thread(target=lambda: Path("pipe").write_text(text), daemon=True).start()
    assert train("--config=pipe", "--trainer.max_steps=2")["steps"] == 2


def test_pipe_cannot_be_read_by_several_runs(train: Train, capsys) -> None:
    os.mkfifo("pipe")
    code, line = refusal(capsys, "--config=pipe", "--seeds=2")
    assert (code, "write it into a file" in line) == (2, True)


def test_published_value_in_a_file_is_refused(train: Train, capsys) -> None:
    text = DEFAULT.read_text().replace("label_smoothing:", "num_classes: 5\n    label_smoothing:")
    Path("wrong.yaml").write_text(text)
    code, line = refusal(capsys, "--config=wrong.yaml")
    assert (code, "--model.num_classes cannot be set" in line) == (2, True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "holds no settings"),
        ("trainer: [", "is not YAML"),
        ("trainer: {}", "no class for model"),
    ],
)
def test_useless_config_file_is_refused(train: Train, capsys, text: str, expected: str) -> None:
    Path("useless.yaml").write_text(text)
    code, line = refusal(capsys, "--config=useless.yaml")
    assert code == 2
    assert expected in line


def test_folder_that_cannot_be_written_is_one_line(train: Train, capsys) -> None:
    Path("lightning_logs").touch()
    code, line = refusal(capsys, *FLAGS)
    assert code == 2
    assert "the folders of the run cannot be made" in line


def test_corrupt_data_is_found_before_training(train: Train, capsys) -> None:
    file = Path("data/MNIST/raw/t10k-labels-idx1-ubyte")
    file.write_bytes(file.read_bytes()[:-1])
    code, line = refusal(capsys, *FLAGS)
    assert code == 1
    assert line.startswith(f"error: {file} is corrupt")
    assert not Path("lightning_logs").exists()


def test_no_data_and_no_network_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    there = ("http://127.0.0.1:9/", MNISTDataModule.sources[-1])
    monkeypatch.setattr(MNISTDataModule, "sources", there)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    code, line = refusal(capsys, *FLAGS)
    assert code == 1
    assert "could not be fetched; tried http://127.0.0.1:9/" in line
    assert "copy the files there by hand" in line


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
def test_two_processes_share_one_run(train: Train, tmp_path: Path) -> None:
    two = "--trainer.accelerator=cpu --trainer.devices=2 --trainer.strategy=ddp"
    process = Fork(*FLAGS, *two.split())
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert output.count("test accuracy") == 1
    logs = {file.name for file in (tmp_path / "lightning_logs").iterdir()}
    assert logs == {"version_0", "test_looks.jsonl"}
    assert len((tmp_path / "lightning_logs" / "test_looks.jsonl").read_text().splitlines()) == 1
    assert [folder.name for folder in (tmp_path / "checkpoints").iterdir()] == ["version_0"]
    hparams = events().PluginTagToContent("hparams")
    assert {"_hparams_/experiment", "_hparams_/session_start_info"} <= set(hparams)
    assert {"val/acc_best", "test/acc"} <= set(events().Tags()["scalars"])


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["> /dev/full 2> /dev/full", "| head -c 1", ">&-"])
def test_run_ends_well_when_nobody_reads_it(train: Train, tmp_path: Path, ending: str) -> None:
    command = shlex.join([sys.executable, "-m", "src.train", *FLAGS])
    script = f"{command} {ending}; exit ${{PIPESTATUS[0]}}"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run(["bash", "-c", script], cwd=tmp_path, env=env, timeout=120, check=True)
    assert newest_metrics(tmp_path)["test/acc"] > 0


@pytest.mark.slow
def test_configuration_that_cannot_be_printed_is_a_failure(tmp_path: Path) -> None:
    command = shlex.join([sys.executable, "-m", "src.train", "--print_config"])
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    ended = subprocess.run(["bash", "-c", f"{command} > /dev/full"], env=env, check=False)
    assert ended.returncode != 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_gpu_trains(train: Train, precision: str) -> None:
    metrics = train(
        "--trainer.max_epochs=2",
        "--trainer.accelerator=gpu",
        "--trainer.devices=1",
        f"--trainer.precision={precision}",
    )
    assert metrics["test/acc"] > 0.9


@pytest.fixture
def parts(monkeypatch, tmp_path: Path) -> list[tuple]:
    """What a command asks for, of stand-ins for its parts that train nothing."""
    asked = []

    class Command:
        def __init__(self, default: Path, words: list[str], account: Any) -> None:
            asked.append((default, words, type(account).__name__))
            self.run, self.trainer = "no --run" not in words and "run", Fake(is_global_zero=True)
            self.trainer.is_global_zero = "other" not in words

        def fit(self) -> None:
            asked.append(("fit",))

        def test(self) -> None:
            asked.append(("test",))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("src.engine.training.cli.TrainCLI", Command)
    monkeypatch.setattr("src.engine.training.result.finish", lambda *_: "the table")
    monkeypatch.setattr(
        "src.engine.checkpoints.consent.trust", lambda name: asked.append(("trust", name))
    )
    for name in ("console.quiet.silence_known_noise", "training.allocator.keep_freed_memory"):
        short = name.rpartition(".")[2]
        monkeypatch.setattr(f"src.engine.{name}", lambda short=short: asked.append((short,)))
    monkeypatch.setattr("src.train.stop_without_parent", lambda: asked.append(("watch",)))
    return asked


def test_command_trains_tests_and_tells(parts: list[tuple], capsys, monkeypatch) -> None:
    monkeypatch.setattr("sys.argv", ["train", "--trust=mine", "--a=1"])
    main()
    before = [("watch",), ("trust", "mine"), ("silence_known_noise",), ("keep_freed_memory",)]
    made = (DEFAULT, ["--trust=mine", "--a=1"], "Totals")
    assert parts == [*before, made, ("fit",), ("test",)]
    assert capsys.readouterr().out == "the table\n"


@pytest.mark.parametrize("words", [["other"], ["no --run"]])
def test_process_without_a_run_of_its_own_tells_nothing(parts, words: list[str], capsys) -> None:
    main(words)
    assert parts[-1] == ("test",)
    assert capsys.readouterr().out == ""


def test_help_of_seeds_trains_none(parts: list[tuple]) -> None:
    main(["--seeds=3", "--print_config=skip_default"])
    assert parts[-1] == ("test",)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--jobs=2"], "--jobs needs --seeds: it is the number of runs at the same time"),
        (["--group=last"], "--group last: a name has letters"),
        (["--seeds=0"], "--seeds must be a number of runs"),
        (["--seeds=2", "--jobs=0"], "--jobs must be a number above 0"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_loaded(parts, words, said, capsys) -> None:
    code, line = refusal(capsys, *words)
    assert (code, line.startswith(f"error: {said}"), parts) == (2, True, [("watch",)])


def test_seeds_are_planned_and_summed_up(parts: list[tuple], tmp_path: Path, capsys) -> None:
    asked = []

    def run_all(plan: Any, group: Any, count: int) -> Fake:
        asked.append((plan.seeds, plan.words.rest, group.name, group is plan.group, count))
        return Fake(run=lambda: plan.failed.update({2: "why"}))

    record = Fake(**{"config": "c", "seed": 1, "overview": {}, "metrics": {"test/acc": 0.5}})
    record.headline = Metric("val/acc", "max", "percent")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("src.engine.jobs.jobs.Jobs", run_all)
        patch.setattr("src.engine.jobs.seed_runs.SeedRuns.finished", lambda _: {1: record})
        with pytest.raises(SystemExit) as stop:
            main(["--seeds=2,1", "--jobs=3", "--group=g", "--debug", "--a=1"])
    assert (stop.value.code, asked) == (1, [([2, 1], ["--a=1"], "g", True, 3)])
    text = capsys.readouterr().out
    lines = ["runs 1 of 2, group g", "test/acc 50.00% (one run: no interval)"]
    assert [" ".join(line.split()) for line in text.splitlines()[:2]] == lines
    summary = tmp_path / "lightning_logs" / "groups" / "g" / "summary.txt"
    assert summary.read_text() == text.removesuffix("\n")
    assert parts == [("watch",)]


def test_seeds_of_which_none_is_finished_are_not_summed_up(parts, tmp_path: Path, capsys) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("src.engine.jobs.jobs.Jobs", lambda *_: Fake(run=lambda: None))
        main(["--seeds=2", "--group=g"])
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "lightning_logs" / "groups" / "g" / "summary.txt").exists()
