"""A number of batches stays one, and a share of them too, wherever it is written."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from lightning.pytorch import Trainer

from src.engine.checkpoints.checkpoint_file import read_checkpoint
from src.engine.console.jsonargparse_compat import _int_first, keep_whole_numbers
from src.engine.console.parser import OneLineParser
from src.engine.records.config_file import read_own
from src.engine.records.save_config import dump
from src.train import main
from tests.conftest import Train
from tests.test_train import refusal_of

LIMITS = [f"limit_{stage}_batches" for stage in ("train", "val", "test", "predict")]
SETTINGS = [*LIMITS, "overfit_batches", "val_check_interval"]


def same(found: Any, value: float) -> bool:
    return type(found) is type(value) and found == value


@pytest.fixture(scope="module")
def parser() -> OneLineParser:
    parser = OneLineParser()
    parser.add_argument("--config", action="config")
    parser.add_lightning_class_args(Trainer, "trainer")
    return parser


@pytest.mark.parametrize("value", [0, 1, 20, 0.0, 0.5, 1.0])
@pytest.mark.parametrize("name", SETTINGS)
def test_number_keeps_its_type(parser, name: str, value: float, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"trainer: {{{name}: {value}}}")
    for words in ([f"--trainer.{name}={value}"], [f"--trainer.{name}", f"{value}"]):
        assert same(parser.parse_args(words).trainer[name], value)
    config = parser.parse_args(["--config", str(file)])
    assert same(config.trainer[name], value)
    written = dump(parser, config)
    assert same(read_own(written)["trainer"][name], value)
    assert same(parser.parse_object(read_own(written)).trainer[name], value)


def test_order_of_a_type_does_not_matter() -> None:
    keep_whole_numbers()  # a second time
    assert _int_first([float, str, int, None]) == [int, float, str, None]
    assert _int_first([str, int, float]) == [str, int, float]
    assert _int_first([float, str]) == [float, str]
    for kind in (int | float, float | int, dict[str, float | int]):
        parser = OneLineParser()
        parser.add_argument("--x", type=kind)
        inside = kind == dict[str, float | int]
        for value in (1, 1.0):
            found = parser.parse_args([f'--x={{"a": {value}}}' if inside else f"--x={value}"]).x
            assert same(found["a"] if inside else found, value)


def test_printed_configuration_trains_as_many_batches(train: Train, capsys) -> None:
    limits = [f"--trainer.{name}=1" for name in LIMITS]
    capsys.readouterr()
    with pytest.raises(SystemExit):
        train("--trainer.max_epochs=1", *limits, "--print_config")
    Path("mine.yaml").write_text(capsys.readouterr().out)
    main(["--config=mine.yaml"])
    checkpoint = read_checkpoint("checkpoints/version_0/last.ckpt")
    records = Path("lightning_logs/version_0/config.yaml").read_text()
    assert checkpoint["global_step"] == 1
    for text in (checkpoint["config"], records):
        trainer = yaml.safe_load(text)["trainer"]
        assert all(same(trainer[name], 1) for name in LIMITS)


@pytest.mark.parametrize(("value", "steps"), [("1", 1), ("3", 3), ("1.0", 11)])
def test_resumed_run_keeps_its_number_of_batches(finished: Train, value: str, steps: int) -> None:
    limit = f"--trainer.limit_train_batches={value}"
    assert finished("--trainer.max_epochs=1", limit)["steps"] == steps
    main(["--ckpt_path=last", "--trainer.max_epochs=2"])
    assert read_checkpoint("checkpoints/version_0/last.ckpt")["global_step"] == 2 * steps


def test_one_batch_does_not_become_all_in_the_middle_of_a_run(finished: Train, capsys) -> None:
    finished("--trainer.max_epochs=1", "--trainer.limit_train_batches=1")
    more = ["--trainer.max_epochs=2", "--trainer.limit_train_batches=1.0"]
    code, line = refusal_of(capsys, lambda: main(["--ckpt_path=last", *more]))
    assert code == 2
    assert "--trainer.limit_train_batches cannot change in the middle of a run, from 1 to" in line


@pytest.mark.filterwarnings("ignore:You requested to overfit")  # of the loader's own order
def test_overfitting_sees_one_batch(train: Train) -> None:
    assert train("--trainer.max_epochs=3", "--trainer.overfit_batches=1")["steps"] == 3
