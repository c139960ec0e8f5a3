"""The command that writes other formats, on synthetic MNIST."""

from pathlib import Path

import pytest
import torch

from src.deployment import formats
from src.export import main
from tests.conftest import Train

OUT = Path("checkpoints/version_0/export")


def test_all_formats_lie_beside_checkpoint(finished: Train, capsys) -> None:
    finished("--trainer.max_epochs=1")
    main(["last"])
    names = ["model.onnx", "model.pt", "model.pt2", "model.safetensors"]
    assert sorted(file.name for file in OUT.iterdir()) == names
    said = capsys.readouterr()
    assert all(f"\n{name} " in said.out for name in names)
    assert said.err.count("not calibrated") == 1


def test_weights_are_those_of_checkpoint(finished: Train, tmp_path: Path) -> None:
    finished("--trainer.max_epochs=1")
    main(["checkpoints/version_0/last.ckpt", "--format", "pt", "--out", "there"])
    assert [file.name for file in Path("there").iterdir()] == ["model.pt"]
    given = torch.load("there/model.pt", weights_only=True)
    state = torch.load("checkpoints/version_0/last.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(tensor, state[f"network.{name}"]) for name, tensor in given.items())


def test_wrong_file_gets_no_name(finished: Train, monkeypatch, capsys) -> None:
    finished("--trainer.max_epochs=1")
    monkeypatch.setattr(formats, "weight_difference", lambda *_: 0.5)
    with pytest.raises(SystemExit) as stop:
        main(["last", "--format", "pt"])
    assert stop.value.code == 1
    assert not OUT.exists()
    assert "error: model.pt was not written" in capsys.readouterr().err


def test_missing_extra_is_one_line(monkeypatch, capsys) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as stop:
        main(["nowhere"])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert 'pip install -e ".[export]"' in error


def test_unknown_format_is_one_line(capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["last", "--format", "tflite"])
    assert stop.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
