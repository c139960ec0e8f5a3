"""The types that cross the house: what `data` yields and `tasks` take.

Letters for shapes, here and everywhere: B batch, C channels, H height, W width, K classes,
N samples of a split.
"""

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """A batch of labelled images.

    In memory and on the way to the device `image` is `uint8` in `[0, 255]`; there the DataModule
    makes it `float32`, normalised by the mean and standard deviation of the training images.

    Attributes:
        image: Pixels, `(B, C, H, W)`.
        label: Class indices, `(B,)`, `int64`, in `[0, K)`.
    """

    image: Tensor
    label: Tensor


class TargetBatch(NamedTuple):
    """A batch of images of which something else than one class is to be said.

    Attributes:
        image: Pixels, `(B, C, H, W)`, as in `Batch`.
        target: What is to be said of each: D numbers, `(B, D)`, or the class of each pixel,
            `(B, H, W)`, for example.
    """

    image: Tensor
    target: Tensor
