"""The notebook's network in Keras, whose backend is the environment's `KERAS_BACKEND`."""

import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from benchmarks.peers.outcome import report, words


def read(folder: Path, split: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Read images `(N, 28, 28, 1)` in `[0, 1]`, and their labels `(N,)`."""
    image = np.fromfile(folder / f"{split}-images-idx3-ubyte", np.uint8)[16:]
    label = np.fromfile(folder / f"{split}-labels-idx1-ubyte", np.uint8)[8:]
    return image.reshape(-1, 28, 28, 1).astype("float32") / 255, label.astype("int32")


class Clock(keras.callbacks.Callback):
    """Measure the batches of each epoch [s]."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs_s: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        self.since = time.perf_counter()

    def on_test_begin(self, logs: Any = None) -> None:
        """Stop it before the validation."""
        self.epochs_s.append(time.perf_counter() - self.since)


def main() -> None:
    """Train and report."""
    given = words()
    keras.utils.set_random_seed(given.seed)
    folder = Path(given.data_dir) / "MNIST" / "raw"
    image, label = read(folder, "train")
    test = read(folder, "t10k")
    convolution = {"kernel_size": 3, "padding": "same", "activation": "relu"}
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, **convolution),
            layers.MaxPooling2D(),
            layers.Conv2D(32, **convolution),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(512, activation="relu"),
            layers.Dense(128, activation="relu"),
            layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.001), loss, metrics=["accuracy"])
    clock = Clock()
    since = time.perf_counter()
    model.fit(
        image[:55_000],
        label[:55_000],
        given.batch_size,
        given.epochs,
        validation_data=(image[55_000:], label[55_000:]),
        callbacks=[clock],
    )
    fit_s = time.perf_counter() - since
    _, accuracy = model.evaluate(*test, batch_size=1000, verbose=0)
    report(55_000, clock.epochs_s[: given.epochs], fit_s, accuracy)


if __name__ == "__main__":
    main()
