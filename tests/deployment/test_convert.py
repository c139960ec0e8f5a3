"""A network as bytes: what is copied, described and refused."""

import io
import logging
import warnings

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from src.deployment.classifier import Classifier
from src.deployment.convert import (
    export_program,
    plain_tensors,
    to_safetensors,
    to_torch_export,
)
from src.deployment.deployed import Deployed, deployed_classifier


def deployed(network: nn.Module, *numbers: float) -> Deployed:
    return deployed_classifier(Classifier(network, *numbers), torch.rand(2, 1, 2, 2), "ab", True)


class DependsOnValues(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return image.flatten(1) if image.sum() > 0 else -image.flatten(1)


def test_channels_last_weights_become_contiguous() -> None:
    network = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    weight = plain_tensors(network)["weight"]
    assert weight.is_contiguous()
    assert torch.equal(weight, network.weight)


def test_shared_weights_can_be_written() -> None:
    layer = nn.Linear(2, 2)
    assert to_safetensors(plain_tensors(nn.Sequential(layer, layer)), {})


def test_program_answers_batches_of_any_size_and_names_no_source() -> None:
    given = deployed(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), 0.5, 0.25, 1.5)
    classifier = given.model.train()
    program = export_program(given)
    image = torch.rand(5, 1, 2, 2)
    for found, expected in zip(program.module()(image), classifier(image), strict=True):
        torch.testing.assert_close(found, expected)
    assert not any("stack_trace" in node.meta for node in program.graph_module.graph.nodes)
    assert classifier.training  # what is exported is a copy
    assert logging.getLogger().isEnabledFor(logging.WARNING)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(RuntimeError("\n no kernel\n at line 3"), "no kernel"), (KeyError(), "KeyError")],
)
def test_refusal_says_why(monkeypatch: pytest.MonkeyPatch, error, reason: str) -> None:
    def export(*_, **__) -> None:
        raise error

    monkeypatch.setattr(torch.export, "export", export)
    with pytest.raises(ValueError, match=rf"^Flatten cannot be exported \({reason}\): give --fo"):
        export_program(deployed(nn.Flatten(), 0.0, 1.0))


def test_other_network_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^DependsOnValues cannot be exported \(.*safetensors$"):
        export_program(deployed(DependsOnValues(), 0.0, 1.0))


def test_exporters_are_quiet_and_then_as_they_were(monkeypatch, recwarn) -> None:
    heard = []

    def save(program: object, buffer: io.BytesIO) -> None:
        warnings.warn("inside", UserWarning, stacklevel=1)
        heard.append(logging.getLogger().isEnabledFor(logging.WARNING))
        heard.append(logging.getLogger().isEnabledFor(logging.ERROR))
        buffer.write(b"all of it")

    monkeypatch.setattr(torch.export, "save", save)
    monkeypatch.setattr(logging.root.manager, "disable", logging.INFO)
    assert to_torch_export(None) == b"all of it"
    assert (heard, recwarn.list) == ([False, True], [])
    assert logging.root.manager.disable == logging.INFO


def test_weights_are_copies_and_described(tmp_path) -> None:
    network = nn.Linear(2, 2)
    weight = plain_tensors(network)["weight"]
    assert not weight.requires_grad
    weight.zero_()
    assert network.weight.abs().sum() > 0
    (tmp_path / "x").write_bytes(to_safetensors({"w": weight}, {"mean": "[0.5]"}))
    with safe_open(tmp_path / "x", "pt") as file:
        assert file.metadata() == {"mean": "[0.5]"}
