"""A trained network as the content of files that other programs read."""

import copy
import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx import GraphModule

from src.deployment.classifier import Classifier


def plain_tensors(network: nn.Module) -> dict[str, Tensor]:
    """Copy the weights of a network, each contiguous and in memory of its own.

    Args:
        network: Any network.

    Returns:
        Its `state_dict`, on the CPU.
    """
    weights = network.state_dict()
    return {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in weights.items()
    }


def describe(
    classifier: Classifier, class_names: Sequence[str], calibrated: bool
) -> dict[str, str]:
    """Write down what a user of a file must know about the network in it.

    Args:
        classifier: Network with its normalisation and temperature.
        class_names: Names of the K classes.
        calibrated: Whether the temperature was fitted.

    Returns:
        Strings by name; lists and numbers are JSON.
    """
    mean, std = (part.flatten().tolist() for part in (classifier.mean, classifier.std))
    return {
        "mean": json.dumps([round(value, 6) for value in mean]),
        "std": json.dumps([round(value, 6) for value in std]),
        "temperature": json.dumps(classifier.temperature.item()),
        "calibrated": json.dumps(calibrated),
        "class_names": json.dumps(list(class_names)),
    }


def to_safetensors(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """Serialise weights in the format of safetensors.

    Args:
        tensors: Contiguous tensors that share no memory.
        metadata: Description from `describe`.

    Returns:
        Content of the file.
    """
    from safetensors.torch import save

    about = {
        "input": "image: (pixels in [0, 1] - mean) / std, (B, C, H, W), float32",
        "output": "logits, (B, K); probabilities are softmax(logits / temperature)",
    }
    return save(dict(tensors), metadata=about | dict(metadata))


def export_program(classifier: Classifier, image_shape: Sequence[int]) -> ExportedProgram:
    """Record what a classifier computes, for batches of any size.

    Args:
        classifier: Network with its normalisation and temperature.
        image_shape: Channels, height and width of an image.

    Returns:
        The program; it names no file of this machine.

    Raises:
        ValueError: The network computes what cannot be recorded.
    """
    plain = copy.deepcopy(classifier).cpu().eval().to(memory_format=torch.contiguous_format)
    image = torch.zeros(2, *image_shape)
    try:
        with _quietly():
            shapes = {"image": {0: Dim("batch")}}
            program = torch.export.export(plain, (image,), dynamic_shapes=shapes)
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        network = type(classifier.network).__name__
        raise ValueError(
            f"{network} cannot be exported ({reason}): give --format pt safetensors"
        ) from error
    for graph in program.graph_module.modules():  # those of branches and loops, too
        for node in graph.graph.nodes if isinstance(graph, GraphModule) else ():
            node.meta.pop("stack_trace", None)  # lines and paths of the source
    return program


def to_torch_export(program: ExportedProgram) -> bytes:
    """Serialise a program in PyTorch's own format.

    Args:
        program: What `export_program` recorded.

    Returns:
        Content of the file.
    """
    buffer = io.BytesIO()
    with _quietly():
        torch.export.save(program, buffer)
    return buffer.getvalue()


def to_onnx(program: ExportedProgram, metadata: Mapping[str, str]) -> bytes:
    """Serialise a program as ONNX, weights included.

    Args:
        program: What `export_program` recorded.
        metadata: Description from `describe`.

    Returns:
        Content of the file.
    """
    with _quietly():
        made = torch.onnx.export(
            program,
            dynamo=True,
            verbose=False,
            input_names=["image"],
            output_names=["logits", "probabilities"],
            dynamic_shapes={"image": {0: "batch"}},  # names the axis
        )
    assert made is not None
    for node in made.model.graph.all_nodes():
        node.metadata_props.clear()  # lines and paths of the source
    made.model.metadata_props.update(
        input="image: pixels in [0, 1], (B, C, H, W), float32",
        output="logits and probabilities, (B, K)",
        **metadata,
    )
    return bytes(made.model_proto.SerializeToString())


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep the exporters' warnings about their own insides from the user; errors still pass."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
