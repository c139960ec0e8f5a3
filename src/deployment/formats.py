"""The formats of a trained network, each compared with the original."""

import io
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec

import torch
from torch.export import ExportedProgram

from src.deployment.convert import (
    export_program,
    plain_tensors,
    to_onnx,
    to_safetensors,
    to_torch_export,
)
from src.deployment.deployed import Deployed
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
        deployed: What is exported.
    """

    def __init__(self, deployed: Deployed) -> None:
        self.deployed = deployed

    @cached_property
    def program(self) -> ExportedProgram:
        """What the network computes."""
        return export_program(self.deployed)

    def pt(self) -> tuple[bytes, float]:
        """Write the weights as PyTorch does; returns content and largest difference."""
        tensors, buffer = plain_tensors(self.deployed.network), io.BytesIO()
        torch.save(tensors, buffer)
        content = buffer.getvalue()
        return content, weight_difference(read_pt(content), tensors)

    def safetensors(self) -> tuple[bytes, float]:
        """Write the weights for safetensors; returns content and largest difference."""
        tensors = plain_tensors(self.deployed.network)
        content = to_safetensors(tensors, self.deployed.weights | self.deployed.about)
        return content, weight_difference(read_safetensors(content), tensors)

    def onnx(self) -> tuple[bytes, float]:
        """Write the program as ONNX; returns content and largest difference."""
        content = to_onnx(self.program, self.deployed)
        return content, answer_difference(self.deployed, read_onnx(content))

    def torch_export(self) -> tuple[bytes, float]:
        """Write the program for PyTorch; returns content and largest difference."""
        content = to_torch_export(self.program)
        return content, answer_difference(self.deployed, read_torch_export(content))


def _missing(name: str) -> list[str]:
    return [package for package in _NEEDS.get(name, ()) if find_spec(package) is None]
