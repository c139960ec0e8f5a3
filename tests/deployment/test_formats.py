"""Each format, and what is refused."""

import json
from functools import cache

import pytest
import torch

from src.deployment import formats
from src.deployment.classifier import Classifier
from src.deployment.deployed import deployed_classifier
from src.deployment.formats import FORMATS, Exporter, refuse_missing_packages
from src.models import CNN


@cache
def exporter() -> Exporter:
    classifier = Classifier(CNN(width=2, hidden=(8, 8)), 0.1307, 0.3081, 1.5).eval()
    names = [*"abcdefghij"]
    return Exporter(deployed_classifier(classifier, torch.rand(5, 1, 28, 28), names, True))


@cache
def exported(name: str) -> tuple[bytes, float]:
    return getattr(exporter(), name)()


@pytest.mark.parametrize("name", FORMATS)
def test_format_answers_as_network(name: str) -> None:
    content, difference = exported(name)
    assert isinstance(content, bytes)
    assert difference < 1e-5


def test_weights_are_the_same_twice() -> None:
    assert exporter().pt()[0] == exporter().pt()[0]


def test_onnx_describes_its_use() -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(exported("onnx")[0])
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["class_names"]) == [*"abcdefghij"]
    assert json.loads(about["image_shape"]) == [1, 28, 28]
    assert json.loads(about["calibrated"]) is True
    assert about["input"] == "image: pixels in [0, 1], (B, C, H, W), float32"
    assert about["output"] == "logits and probabilities, (B, K)"
    assert [(put.name, put.shape) for put in session.get_inputs()] == [
        ("image", ["batch", 1, 28, 28])
    ]
    assert [put.name for put in session.get_outputs()] == ["logits", "probabilities"]


@pytest.mark.parametrize("name", ["onnx", "torch_export"])
def test_file_names_no_source(name: str) -> None:
    content, _ = exported(name)
    assert b"site-packages" not in content
    assert b"cnn.py" not in content


def test_missing_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    refuse_missing_packages(["pt", "torch_export"])
    with pytest.raises(ValueError, match="not installed") as refusal:
        refuse_missing_packages(["pt", "onnx", "safetensors"])
    assert str(refusal.value) == (
        'onnx, onnxruntime, onnxscript, safetensors not installed: pip install -e ".[export]", or '
        "leave out what needs it: --format pt torch_export"
    )
