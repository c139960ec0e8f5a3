"""The practical limit: a hand-written loop with the same network, recipe and tricks, and no more.

Images in memory as bytes, whole batches by one index, channels last, fused Adam, memory that is
kept. It has no progress bar, curves, checkpoints, records or safe end.
"""

import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.peers.outcome import report, words
from src.data.mnist import MNISTDataModule, split_indices
from src.data.mnist_files import read_idx
from src.experiment.allocator import keep_freed_memory
from src.models import CNN

RECIPES = {
    "default": {"lr": 0.005, "betas": (0.9, 0.99), "warmup": 0.25, "share": 1.0},
    "fast": {"lr": 0.007, "betas": (0.8, 0.95), "warmup": 0.2, "share": 0.85},
}


def read(folder: Path, split: str, device: torch.device) -> tuple[Tensor, Tensor]:
    """Read images `(N, 1, 28, 28)` as bytes, and their labels `(N,)`."""
    image = read_idx(folder / f"{split}-images-idx3-ubyte").unsqueeze(1)
    return image.to(device), read_idx(folder / f"{split}-labels-idx1-ubyte").long().to(device)


def pixels(image: Tensor) -> Tensor:
    """Normalise bytes."""
    return image.float().div_(255).sub_(MNISTDataModule.mean).div_(MNISTDataModule.std)


@torch.no_grad()
def accuracy(net: nn.Module, image: Tensor, label: Tensor) -> float:
    """Measure the share of right answers."""
    answers = [net(pixels(part)).argmax(1) for part in image.split(1000)]
    return float((torch.cat(answers) == label).float().mean())


def main() -> None:
    """Train and report."""
    given = words()
    recipe = RECIPES[given.recipe]
    keep_freed_memory()
    torch.manual_seed(given.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    folder = Path(given.data_dir) / "MNIST" / "raw"
    image, label = read(folder, "train", device)
    train, val = (index.to(device) for index in split_indices(len(image)))
    val_image, val_label = image[val], label[val]
    image, label = image[train], label[train]
    net = CNN() if given.net == "cnn" else nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    net.to(device)
    optimizer = torch.optim.Adam(net.parameters(), recipe["lr"], tuple(recipe["betas"]), fused=True)
    batches = int(recipe["share"] * -(-len(image) // given.batch_size))  # of an epoch
    steps = given.epochs * batches
    peak = recipe["warmup"] * steps
    step, epochs_s = 0, []
    began = time.perf_counter()
    for _ in range(given.epochs):
        since = time.perf_counter()
        total = torch.zeros((), device=device)
        order = torch.randperm(len(image), device=device).split(given.batch_size)
        for index in order[:batches]:
            lr = recipe["lr"] * min((step + 1) / peak, (steps - step) / (steps - peak))
            optimizer.param_groups[0]["lr"] = lr
            logits = net(pixels(image.index_select(0, index)))
            loss = F.cross_entropy(logits, label.index_select(0, index), label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
            step += 1
        total.item()  # waits for the device
        epochs_s.append(time.perf_counter() - since)
        accuracy(net, val_image, val_label)
    fit_s = time.perf_counter() - began
    images = min(batches * given.batch_size, len(image))
    report(images, epochs_s, fit_s, accuracy(net, *read(folder, "t10k", device)))


if __name__ == "__main__":
    main()
