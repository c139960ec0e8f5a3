"""An evaluation in the TensorBoard of its run."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from src.batch import Batch
from src.engine.console.printable import printable
from src.evaluation.classification.predictions import Predictions
from src.evaluation.picture import Picture
from src.evaluation.tensorboard import events

_PROJECTOR = "embedding"


def write_tensorboard(
    folder: Path,
    split: str,
    step: int,
    pictures: Mapping[str, Picture],
    answers: Predictions,
    names: Sequence[str],
) -> None:
    """Show pictures and precision-recall curves beside the curves of a run.

    What an evaluation of the same split wrote before is replaced.

    Args:
        folder: Folder of the run's events.
        split: Name of the split.
        step: Optimizer step of the checkpoint.
        pictures: Pixels, `(H, W, 3)`, `uint8`, by name.
        answers: What the network said.
        names: Names of the classes.
    """
    with events(folder, split, step, pictures) as writer:
        for index, (name, probability) in enumerate(zip(names, answers.probability.T, strict=True)):
            writer.add_pr_curve(f"{split}/{name}", answers.label == index, probability, step)


def write_projector(
    folder: Path, step: int, features: Tensor, label: Tensor, image: Tensor, names: Sequence[str]
) -> None:
    """Show features of images as points in TensorBoard's projector.

    Args:
        folder: Folder of the run's events.
        step: Optimizer step of the checkpoint.
        features: Features, `(N, F)`.
        label: Class indices, `(N,)`.
        image: Pixels, `(N, C, H, W)`, `uint8`.
        names: Names of the classes.
    """
    (folder / "projector_config.pbtxt").unlink(missing_ok=True)  # else a second entry is added
    for before in folder.glob(f"*/{_PROJECTOR}"):
        if not before.parent.is_symlink():
            shutil.rmtree(before)
    with SummaryWriter(str(folder), filename_suffix=".projector") as writer:
        labels = [printable(names[index]) for index in label.tolist()]
        writer.add_embedding(features, labels, image.float() / 255, step, _PROJECTOR)
    for empty in folder.glob("events.*.projector"):
        empty.unlink()


def last_hidden(network: nn.Module, batch: Batch) -> Tensor:
    """Compute what the last linear layer of a network gets.

    Args:
        network: Maps images to logits.
        batch: Images as the network gets them.

    Returns:
        Features, `(B, F)`, on the CPU.

    Raises:
        ValueError: The network has no linear layer.
    """
    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    if not layers:
        raise ValueError("--projector shows what the last nn.Linear gets, and the network has none")
    seen: list[Tensor] = []
    hook = layers[-1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        network(batch.image)
    hook.remove()
    return seen[0].flatten(1).float().cpu()
