"""The command that writes other formats, on synthetic MNIST."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from src.deployment import formats
from src.export import NAMES, _files, _folder, _parser, main
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


def test_files_are_compared_on_a_thousand_images_in_a_fixed_order(monkeypatch) -> None:
    class Fake:
        def __init__(self, *given: object, calibrated: bool) -> None:
            made.append((*given, calibrated))

        def pt(self) -> tuple[bytes, float]:
            return b"1" * 1234, 0.0

        def onnx(self) -> tuple[bytes, float]:
            return b"22", 2.5e-7

    made = []
    monkeypatch.setattr(formats, "Exporter", Fake)
    image = torch.full((1001, 1, 2, 2), 51, dtype=torch.uint8)
    trained = SimpleNamespace(
        classifier_parts=lambda: {"network": nn.Flatten(), "mean": 0.0, "std": 1.0},
        images={"test": SimpleNamespace(image=image)}.__getitem__,
        published={"class_names": "abcd"}.__getitem__,
        temperature=1.5,
    )
    assert [*_files(trained, ["onnx", "pt"])] == [
        ("model.pt", b"1" * 1234, "1,234 bytes, largest difference 0, "
         'network.load_state_dict(torch.load("model.pt"))'),
        ("model.onnx", b"22", "2 bytes, largest difference 2e-07, "
         'onnxruntime.InferenceSession("model.onnx")'),
    ]  # fmt: skip
    ((classifier, compared, names, calibrated),) = made
    assert (classifier.training, names, calibrated) == (False, "abcd", True)
    assert torch.equal(compared, torch.full((1000, 1, 2, 2), 0.2))
    trained.temperature = None
    next(_files(trained, ["pt"]))
    assert made[1][-1] is False


def test_folder_is_beside_the_checkpoint_of_a_run(tmp_path: Path) -> None:
    assert _folder(SimpleNamespace(run=None)) == Path("export")
    run = SimpleNamespace(checkpoint_dir=tmp_path)
    assert _folder(SimpleNamespace(run=run)) == tmp_path / "export"


def test_words_have_defaults() -> None:
    given = _parser().parse_args(["last"])
    assert (given.ckpt, given.out) == ("last", None)
    assert given.format == NAMES == ("pt", "safetensors", "onnx", "torch_export")
    assert set(NAMES) == set(formats.FORMATS)
    assert _parser().parse_args(["last", "--out=x"]).out == Path("x")
