"""The practical limit: a hand-written loop with the same network, recipe and tricks, and no more.

Images in memory as bytes, whole batches by one index, channels last, fused Adam, memory that is
kept. It has no progress bar, curves, checkpoints, records or safe end. With `--graph` a step is
replayed as one CUDA graph: what is left then is the work of the GPU alone.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.peers.outcome import report, words
from src.data import MNISTDataModule
from src.data.files import read_idx
from src.data.images import split_indices
from src.engine.training.allocator import keep_freed_memory
from src.models import CNN

RECIPES = {
    "default": {"lr": 0.005, "betas": (0.9, 0.99), "warmup": 0.25, "share": 1.0},
    "fast": {"lr": 0.007, "betas": (0.8, 0.95), "warmup": 0.2, "share": 0.85},
}


def read(folder: Path, split: str, device: torch.device) -> tuple[Tensor, Tensor]:
    """Read images `(N, 1, 28, 28)` as bytes, and their labels `(N,)`."""
    image = read_idx(folder, f"{split}-images-idx3-ubyte").unsqueeze(1)
    return image.to(device), read_idx(folder, f"{split}-labels-idx1-ubyte").long().to(device)


def pixels(image: Tensor) -> Tensor:
    """Normalise bytes."""
    return image.float().div_(255).sub_(MNISTDataModule.mean).div_(MNISTDataModule.std)


@torch.no_grad()
def accuracy(net: nn.Module, image: Tensor, label: Tensor) -> float:
    """Measure the share of right answers."""
    answers = [net(pixels(part)).argmax(1) for part in image.split(1000)]
    return float((torch.cat(answers) == label).float().mean())


class Graphed:
    """A step as one CUDA graph, which reads its batch and learning rate where they were captured.

    Args:
        step: Trains on the images at an index.
        index: Any batch; the graph is only of batches of its size.
    """

    def __init__(self, step: Callable[[Tensor], None], index: Tensor) -> None:
        self.index = index.clone()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):  # lazy initialisations cannot be captured
            for _ in range(3):
                step(self.index)
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            step(self.index)

    def __call__(self, index: Tensor) -> None:
        """Train on the images at an index."""
        self.index.copy_(index)
        self.graph.replay()


def train(given: argparse.Namespace) -> tuple[int, list[float], float, float]:
    """Train.

    Args:
        given: Words of the command line.

    Returns:
        Images in an epoch, time of each [s], time of all with validation [s], test accuracy.
    """
    recipe = RECIPES[given.recipe]
    torch.manual_seed(given.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    folder = Path(given.data_dir) / "MNIST" / "raw"
    image, label = read(folder, "train", device)
    train, val = (index.to(device) for index in split_indices(len(image)))
    val_image, val_label = image[val], label[val]
    image, label = image[train], label[train]
    net = CNN() if given.net == "cnn" else nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    net.to(device)
    lr = torch.zeros((), device=device) if given.graph else 0.0  # a graph reads it from memory
    options = {"betas": recipe["betas"], "fused": True, "capturable": given.graph}
    optimizer = torch.optim.Adam(net.parameters(), lr, **options)
    batches = int(recipe["share"] * -(-len(image) // given.batch_size))  # of an epoch
    if given.graph:
        batches = min(batches, len(image) // given.batch_size)  # a graph has one size
    steps = given.epochs * batches
    peak = recipe["warmup"] * steps
    total = torch.zeros((), device=device)

    def learn(index: Tensor) -> None:
        logits = net(pixels(image.index_select(0, index)))
        loss = F.cross_entropy(logits, label.index_select(0, index), label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total.add_(loss.detach())

    if given.graph:
        learn = Graphed(learn, train[: given.batch_size] * 0)
    step, epochs_s = 0, []
    began = time.perf_counter()
    for _ in range(given.epochs):
        since = time.perf_counter()
        total.zero_()
        order = torch.randperm(len(image), device=device).split(given.batch_size)
        for index in order[:batches]:
            rate = recipe["lr"] * min((step + 1) / peak, (steps - step) / (steps - peak))
            if given.graph:
                optimizer.param_groups[0]["lr"].fill_(rate)
            else:
                optimizer.param_groups[0]["lr"] = rate
            learn(index)
            step += 1
        total.item()  # waits for the device
        epochs_s.append(time.perf_counter() - since)
        accuracy(net, val_image, val_label)
    fit_s = time.perf_counter() - began
    images = min(batches * given.batch_size, len(image))
    return images, epochs_s, fit_s, accuracy(net, *read(folder, "t10k", device))


def main() -> None:
    """Train and report."""
    keep_freed_memory()
    report(*train(words()))


if __name__ == "__main__":
    main()
