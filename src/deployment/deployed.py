"""A trained network as files hold it: what goes in, what comes out, and what a user must know."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from typing_extensions import override

from src.deployment.classifier import Classifier
from src.engine.checkpoints.trained import Trained
from src.engine.console.shown import shown

TESTED = 1000  # samples of the test on which files are compared
_PIXELS = "pixels in [0, 1]"
_IMAGE = "(B, C, H, W), float32"


class _Kind(NamedTuple):
    outputs: tuple[str, ...]  # of a program, by name
    program: str  # what they are
    weights: str  # what the network alone gives, and how those follow from it


_BOTH = "logits", "probabilities"
KINDS = {
    "classification": _Kind(
        _BOTH,
        "logits and probabilities, (B, K)",
        "logits, (B, K); probabilities are softmax(logits / temperature)",
    ),
    "language": _Kind(
        ("logits",),
        "logits, (B, T, K), of the token after each one; probabilities are their softmax",
        "logits, (B, T, K), of the token after each one; probabilities are their softmax",
    ),
    "multi_label": _Kind(
        _BOTH,
        "logits and probabilities, (B, K); a class is found where it is above 1/2",
        "logits, (B, K); probabilities are sigmoid(logits)",
    ),
    "regression": _Kind(
        ("estimates",),
        "estimates, (B, D), in the unit of the targets",
        "numbers, (B, D); estimates are numbers * target_std + target_mean",
    ),
    "segmentation": _Kind(
        _BOTH,
        "logits and probabilities of each pixel, (B, K, H, W)",
        "logits, (B, K, H, W), or a mapping that has them as out; probabilities are their softmax",
    ),
}


class Deployed(NamedTuple):
    """A trained network with all that a file of it says.

    Attributes:
        model: Computes the outputs from the input, a tuple, in evaluation mode.
        network: The part of it whose weights are written alone.
        sample: Inputs on which files are compared, `(N, ...)`.
        input: Name of the input of a program.
        outputs: Names of its outputs.
        about: What a user of any file must know, by name; lists and numbers are JSON.
        program: What is also said of a program: its `input` and `output`.
        weights: What is also said of weights alone: the same of the network.
        axes: Names of the leading axes that may be of any size.
        unit: What is as large as 1 in the outputs; differences are told in it.
    """

    model: nn.Module
    network: nn.Module
    sample: Tensor
    input: str
    outputs: tuple[str, ...]
    about: dict[str, str]
    program: dict[str, str]
    weights: dict[str, str]
    axes: tuple[str, ...] = ("batch",)
    unit: Tensor | float = 1.0


class Answering(nn.Module):
    """Give what a task says of raw inputs: outputs, and probabilities where these are logits.

    Args:
        task: A trained task, `forward` and `scores` of which are used.
        mean: Mean that inputs are normalised by, of all channels or of each; None leaves them.
        std: Standard deviation of the same.
        is_scored: Whether the task makes probabilities of its outputs.
    """

    mean: Tensor | None
    std: Tensor | None

    def __init__(
        self,
        task: LightningModule,
        mean: Any = None,
        std: Any = None,
        is_scored: bool = True,
    ) -> None:
        super().__init__()
        self.task = task
        self.is_scored = is_scored
        for name, value in (("mean", mean), ("std", std)):
            part = None if value is None else torch.tensor(value).reshape(-1, 1, 1)
            self.register_buffer(name, part)

    @override
    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Compute outputs.

        Args:
            inputs: Raw inputs, `(B, ...)`.

        Returns:
            Outputs and their scores, or the outputs alone, each `(B, ...)`.
        """
        if self.mean is not None and self.std is not None:
            inputs = (inputs - self.mean) / self.std
        output = self.task(inputs)
        task: Any = self.task
        return (output, task.scores(output)) if self.is_scored else (output,)


def deployed_classifier(
    classifier: Classifier, image: Tensor, class_names: Sequence[str], calibrated: bool
) -> Deployed:
    """Describe a classifier of images.

    Args:
        classifier: Network with its normalisation and temperature.
        image: Images to compare answers on, `(B, C, H, W)`, in `[0, 1]`.
        class_names: Names of the K classes.
        calibrated: Whether the temperature was fitted.

    Returns:
        What its files hold.
    """
    about = {
        "mean": _json(classifier.mean),
        "std": _json(classifier.std),
        "temperature": json.dumps(classifier.temperature.item()),
        "calibrated": json.dumps(calibrated),
        "class_names": json.dumps(list(class_names)),
        "image_shape": json.dumps(list(image.shape[1:])),
    }
    said = _said("classification", *_of_image())
    return Deployed(classifier.eval(), classifier.network, image, "image", about=about, **said)


def deployed_task(trained: Trained) -> Deployed:
    """Describe a task of another kind; its data set gives the samples that files are compared on.

    Args:
        trained: What was trained.

    Returns:
        What its files hold.

    Raises:
        ValueError: Its kind is not exported, or it has no samples of a test.
    """
    kind, task, data = trained.kind, cast(Any, trained.task), trained.data
    missing = [name for name in ("network", "pair", "scores") if not hasattr(task, name)]
    if kind not in KINDS or missing:
        lack = f'which is of the kind "{kind}"' if kind else "which publishes no kind of task"
        lack = f"which has no `{missing[0]}`" if kind in KINDS else lack
        raise ValueError(
            f"python -m src.export serves {', '.join(KINDS)}: {shown(trained.path)} holds "
            f"{type(task).__name__}, {lack}; python -m src.evaluate serves every run"
        )
    trained.restore_data()
    sample, mean, std = _samples(trained)
    numbers, texts = {"mean": mean, "std": std}, {"class_names": getattr(data, "class_names", None)}
    if kind == "regression":
        numbers |= {"target_mean": task.target_mean, "target_std": task.target_std}
        texts = {name: getattr(data, name, None) for name in ("target_names", "target_unit")}
    about = {name: json.dumps(text) for name, text in texts.items() if text is not None}
    about |= {name: _json(torch.as_tensor(x)) for name, x in numbers.items() if x is not None}
    about["input_shape"] = json.dumps([*sample.shape[1:]])
    is_image = mean is not None
    return Deployed(
        Answering(task, mean, std, len(KINDS[kind].outputs) > 1).eval(),
        task.network,
        sample,
        "image" if is_image else "input",
        about=about,
        axes=("batch", "length") if kind == "language" else ("batch",),
        unit=task.target_std if kind == "regression" else 1.0,
        **_said(kind, *(_of_image() if is_image else _as_given(sample))),
    )


def _said(kind: str, program: str, weights: str) -> dict[str, Any]:
    """Give what a kind of task says of its outputs, with what is said of the inputs."""
    found = KINDS[kind]
    return {
        "outputs": found.outputs,
        "program": {"input": program, "output": found.program},
        "weights": {"input": weights, "output": found.weights},
    }


def _of_image() -> tuple[str, str]:
    return f"image: {_PIXELS}, {_IMAGE}", f"image: ({_PIXELS} - mean) / std, {_IMAGE}"


def _as_given(sample: Tensor) -> tuple[str, str]:
    text = f"input: as the data set gives it, (B, ...), {str(sample.dtype).removeprefix('torch.')}"
    return text, text


def _json(numbers: Tensor) -> str:
    return json.dumps([float(f"{value:.7g}") for value in numbers.flatten().tolist()])


def _samples(trained: Trained) -> tuple[Tensor, Any, Any]:
    """Read samples of the test: pixels with their normalisation, or what the network gets."""
    data = trained.data
    if data is None:
        raise ValueError(
            f"{type(trained.task).__name__} has its own loaders: files are compared on the test of "
            "a data module, give it one"
        )
    data.prepare_data()
    data.setup("test")
    splits, mean = getattr(data, "splits", {}), getattr(data, "mean", None)
    image = getattr(splits.get("test"), "image", None)
    if isinstance(image, Tensor) and image.dtype == torch.uint8 and mean is not None:
        return image[:TESTED].cpu().float() / 255, mean, cast(Any, data).std
    return torch.cat([*_first(trained)])[:TESTED], None, None


def _first(trained: Trained) -> Iterator[Tensor]:
    data, task, count = cast(Any, trained.data), cast(Any, trained.task), 0
    for batch in data.test_dataloader():
        inputs, _ = task.pair(data.on_after_batch_transfer(batch, 0))
        yield inputs
        if (count := count + len(inputs)) >= TESTED:
            return
