"""The formats of a trained network, each compared with the original."""

import io
import json
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec

import torch
from torch import Tensor
from torch.export import ExportedProgram

from src.deployment.classifier import Classifier
from src.deployment.convert import (
    describe,
    export_program,
    plain_tensors,
    to_onnx,
    to_safetensors,
    to_torch_export,
)
from src.deployment.verify import (
    answer_difference,
    read_onnx,
    read_pt,
    read_safetensors,
    read_torch_export,
    weight_difference,
)

# File and how it is loaded.
FORMATS = {
    "pt": ("model.pt", 'network.load_state_dict(torch.load("model.pt"))'),
    "safetensors": ("model.safetensors", 'safetensors.torch.load_file("model.safetensors")'),
    "onnx": ("model.onnx", 'onnxruntime.InferenceSession("model.onnx")'),
    "torch_export": ("model.pt2", 'torch.export.load("model.pt2").module()'),
}
_NEEDS = {"safetensors": ("safetensors",), "onnx": ("onnx", "onnxscript", "onnxruntime")}


def refuse_missing_packages(formats: Sequence[str]) -> None:
    """Say so at once if a package that a format needs is not installed.

    Args:
        formats: Names among `FORMATS`.

    Raises:
        ValueError: One is missing.
    """
    missing = {name: _missing(name) for name in FORMATS}
    if needed := sorted({package for name in formats for package in missing[name]}):
        without = " ".join(name for name in FORMATS if not missing[name])
        raise ValueError(
            f'{", ".join(needed)} not installed: pip install -e ".[export]", or leave out what '
            f"needs it: --format {without}"
        )


class Exporter:
    """Makes each format and compares it; the methods have the names of the formats.

    Args:
        classifier: Network with its normalisation and temperature, in evaluation mode.
        image: Images to compare answers on, `(B, C, H, W)`, in `[0, 1]`.
        class_names: Names of the K classes.
        calibrated: Whether the temperature was fitted.
    """

    def __init__(
        self,
        classifier: Classifier,
        image: Tensor,
        class_names: Sequence[str],
        calibrated: bool,
    ) -> None:
        self.classifier = classifier
        self.image = image
        self.metadata = describe(classifier, class_names, calibrated)
        self.metadata["image_shape"] = json.dumps(list(image.shape[1:]))

    @cached_property
    def program(self) -> ExportedProgram:
        """What the classifier computes."""
        return export_program(self.classifier, self.image.shape[1:])

    def pt(self) -> tuple[bytes, float]:
        """Write the weights as PyTorch does; returns content and largest difference."""
        tensors, buffer = plain_tensors(self.classifier.network), io.BytesIO()
        torch.save(tensors, buffer)
        content = buffer.getvalue()
        return content, weight_difference(read_pt(content), tensors)

    def safetensors(self) -> tuple[bytes, float]:
        """Write the weights for safetensors; returns content and largest difference."""
        tensors = plain_tensors(self.classifier.network)
        content = to_safetensors(tensors, self.metadata)
        return content, weight_difference(read_safetensors(content), tensors)

    def onnx(self) -> tuple[bytes, float]:
        """Write the program as ONNX; returns content and largest difference."""
        content = to_onnx(self.program, self.metadata)
        return content, answer_difference(self.classifier, read_onnx(content), self.image)

    def torch_export(self) -> tuple[bytes, float]:
        """Write the program for PyTorch; returns content and largest difference."""
        content = to_torch_export(self.program)
        return content, answer_difference(self.classifier, read_torch_export(content), self.image)


def _missing(name: str) -> list[str]:
    return [package for package in _NEEDS.get(name, ()) if find_spec(package) is None]
