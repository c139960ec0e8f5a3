"""The command that writes other formats, on synthetic MNIST."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from src.deployment import formats
from src.export import NAMES, _files, _folder, _parser, main
from tests.conftest import Train
from tests.tasks.test_contract import CASES

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


def test_formats_are_made_in_a_fixed_order(monkeypatch) -> None:
    class Fake:
        def __init__(self, deployed: object) -> None:
            made.append(deployed)

        def pt(self) -> tuple[bytes, float]:
            return b"1" * 1234, 0.0

        def onnx(self) -> tuple[bytes, float]:
            return b"22", 2.5e-7

    made: list = []
    monkeypatch.setattr(formats, "Exporter", Fake)
    assert [*_files("what", ["onnx", "pt"])] == [
        ("model.pt", b"1" * 1234, "1,234 bytes, largest difference 0, "
         'network.load_state_dict(torch.load("model.pt"))'),
        ("model.onnx", b"22", "2 bytes, largest difference 2e-07, "
         'onnxruntime.InferenceSession("model.onnx")'),
    ]  # fmt: skip
    assert made == ["what"]


def test_files_are_compared_on_a_thousand_images(finished: Train, monkeypatch) -> None:
    finished("--trainer.max_epochs=1")
    kept = []
    monkeypatch.setattr("src.export._files", lambda deployed, _: kept.append(deployed) or [])
    monkeypatch.setattr("src.deployment.deployed.TESTED", 50)
    main(["last"])
    (found,) = kept
    assert len(found.sample) == 50  # of 60
    assert 0.9 < found.sample.max() <= 1
    assert json.loads(found.about["calibrated"]) is False


KINDS = {  # words of a run, what its files say besides, and the names of the outputs
    "MultiLabelTask": ({"class_names"}, ["logits", "probabilities"]),
    "RegressionTask": (
        {"target_names", "target_unit", "target_mean", "target_std"},
        ["estimates"],
    ),
    "SegmentationTask": ({"class_names"}, ["logits", "probabilities"]),
    "LanguageModelTask": (set(), ["logits"]),
}


@pytest.mark.parametrize("task", KINDS)
def test_task_of_any_kind_is_exported(task: str, train: Train, capsys) -> None:
    import onnxruntime

    train(f"--model={task}", *CASES[task].run, "--trainer.max_steps=1")
    main(["last"])
    assert {file.name for file in OUT.iterdir()} == {file for file, _ in formats.FORMATS.values()}
    session = onnxruntime.InferenceSession(OUT / "model.onnx")
    about, names = session.get_modelmeta().custom_metadata_map, KINDS[task]
    (given,) = session.get_inputs()
    assert [put.name for put in session.get_outputs()] == names[1]
    assert given.shape[0] == "batch"
    assert (given.shape[1:] == ["length"]) == (given.type == "tensor(int64)") == (not names[0])
    image = set() if given.name == "input" else {"mean", "std"}
    assert set(about) == {"input", "output", "input_shape", *names[0], *image}


def test_exported_estimates_are_in_the_unit_of_the_targets(train: Train, capsys) -> None:
    train(
        *("--model=RegressionTask", *CASES["RegressionTask"].run, "--trainer.max_steps=1"),
        *("--model.target_mean=500", "--model.target_std=0.01"),
    )
    main(["last", "--format", "torch_export"])
    program = torch.export.load(OUT / "model.pt2").module()
    (estimates,) = program(torch.rand(3, 1, 28, 28))
    assert estimates.shape == (3, 1)
    torch.testing.assert_close(estimates, torch.full((3, 1), 500.0), atol=1, rtol=0)


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
