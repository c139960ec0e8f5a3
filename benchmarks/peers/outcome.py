"""The words that every peer understands, and the line that it prints."""

import argparse
import json
from collections.abc import Sequence


def words(args: list[str] | None = None) -> argparse.Namespace:
    """Read the command line of a peer.

    Args:
        args: Its words; None takes those of the process.

    Returns:
        `epochs`, `batch_size`, `seed`, `data_dir`, `net`, `recipe` and `graph`.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch_size", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data_dir", default="data")
    parser.add_argument("--net", choices=("cnn", "linear"), default="cnn")
    parser.add_argument("--recipe", choices=("default", "fast"), default="default")
    parser.add_argument("--graph", action="store_true", help="replay a step as a CUDA graph")
    return parser.parse_args(args)


def report(images: int, epochs_s: Sequence[float], fit_s: float, test_acc: float) -> None:
    """Print what was measured, as the last line.

    Args:
        images: Images in an epoch of training.
        epochs_s: Time of the training part of each epoch [s].
        fit_s: Time of the whole training, with validation, without the test [s].
        test_acc: Accuracy on the official test images, in `[0, 1]`.
    """
    rates = [images / seconds for seconds in epochs_s]
    print(json.dumps({"images_per_s": rates, "fit_s": fit_s, "test_acc": test_acc}))
