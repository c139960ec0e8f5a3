"""Files of other formats read back and compared with the network that they came from."""

import io
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from src.deployment.deployed import Deployed

Answer = Callable[[Tensor], tuple[Tensor, ...]]  # raw inputs -> outputs
_AT_ONCE = 100  # samples


def read_onnx(content: bytes) -> Answer:
    """Load an ONNX file as its users do.

    Args:
        content: Content of the file.

    Returns:
        Function from inputs to outputs.
    """
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)  # errors only
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (name,) = [each.name for each in session.get_inputs()]

    def answer(inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(map(torch.from_numpy, session.run(None, {name: inputs.numpy(force=True)})))

    return answer


def read_torch_export(content: bytes) -> Answer:
    """Load a program of `torch.export` as its users do.

    Args:
        content: Content of the file.

    Returns:
        Function from inputs to outputs.
    """
    answer: Answer = torch.export.load(io.BytesIO(content)).module()
    return answer


def read_pt(content: bytes) -> dict[str, Tensor]:
    """Load weights that `torch.save` wrote; nothing in them is executed.

    Args:
        content: Content of the file.

    Returns:
        Tensors by name.
    """
    tensors: dict[str, Tensor] = torch.load(io.BytesIO(content), weights_only=True)
    return tensors


def read_safetensors(content: bytes) -> dict[str, Tensor]:
    """Load the weights in a file of safetensors.

    Args:
        content: Content of the file.

    Returns:
        Tensors by name.
    """
    from safetensors.torch import load

    return load(content)


@torch.inference_mode()
def answer_difference(deployed: Deployed, answer: Answer) -> float:
    """Compare the outputs of a file with those of the network, in batches and for one sample.

    Args:
        deployed: What was exported.
        answer: What a file was read as.

    Returns:
        Largest absolute difference of any output, in its unit.
    """
    sample = deployed.sample
    found = [
        ((given - wanted) / deployed.unit).abs().max()
        for part in (*torch.split(sample, _AT_ONCE), sample[:1])
        for given, wanted in zip(answer(part), deployed.model(part), strict=True)
    ]
    return float(torch.stack(found).max())  # which is no number if one of them is none


def weight_difference(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> float:
    """Compare weights that were read with those that were written.

    Args:
        given: Tensors by name.
        wanted: The same.

    Returns:
        Zero if they have the same names, types, shapes and bits, else infinity.
    """
    same = given.keys() == wanted.keys() and all(
        given[name].dtype == tensor.dtype and torch.equal(given[name], tensor)
        for name, tensor in wanted.items()
    )
    return 0.0 if same else float("inf")


def refuse_other_answers(name: str, difference: float, tolerance: float = 1e-4) -> None:
    """Refuse a file that does not say what the network says.

    Args:
        name: Name of the file.
        difference: Largest absolute difference of any output, in its unit.
        tolerance: Limit that the difference must stay under.

    Raises:
        ValueError: It does not, or is not a number.
    """
    if not difference < tolerance:
        raise ValueError(
            f"{name} was not written: its answers must differ by less than {tolerance:g} from "
            f"those of the network, and differ by {difference:.1g}"
        )
