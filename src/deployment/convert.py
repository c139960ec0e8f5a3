"""A trained network as the content of files that other programs read."""

import copy
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx import GraphModule

from src.deployment.deployed import Deployed


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


def to_safetensors(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """Serialise weights in the format of safetensors.

    Args:
        tensors: Contiguous tensors that share no memory.
        metadata: What a user must know, by name.

    Returns:
        Content of the file.
    """
    from safetensors.torch import save

    return save(dict(tensors), metadata=dict(metadata))


def export_program(deployed: Deployed) -> ExportedProgram:
    """Record what a network computes, for batches of any size.

    Args:
        deployed: What is exported.

    Returns:
        The program; it names no file of this machine.

    Raises:
        ValueError: The network computes what cannot be recorded.
    """
    plain = copy.deepcopy(deployed.model).cpu().eval().to(memory_format=torch.contiguous_format)
    inputs = torch.zeros_like(deployed.sample[:1]).expand(2, *deployed.sample.shape[1:]).clone()
    try:
        with _quietly():
            first, *others = deployed.axes
            shapes = ({0: Dim(first)} | {n + 1: Dim.AUTO for n in range(len(others))},)
            program = torch.export.export(plain, (inputs,), dynamic_shapes=shapes)
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        network = type(deployed.network).__name__
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


def to_onnx(program: ExportedProgram, deployed: Deployed) -> bytes:
    """Serialise a program as ONNX, weights included.

    Args:
        program: What `export_program` recorded.
        deployed: What is exported.

    Returns:
        Content of the file.
    """
    with _quietly():
        made = torch.onnx.export(
            program,
            dynamo=True,
            verbose=False,
            input_names=[deployed.input],
            output_names=[*deployed.outputs],
            dynamic_shapes=(dict(enumerate(deployed.axes)),),  # names the axes
        )
    assert made is not None
    for node in made.model.graph.all_nodes():
        node.metadata_props.clear()  # lines and paths of the source
    made.model.metadata_props.update(deployed.program | deployed.about)
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
