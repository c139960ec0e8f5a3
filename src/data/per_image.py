"""Augmentations of torchvision, which draw once for all that they are given."""

import torch
from torch import Tensor, nn

_ONE_DRAW = "torchvision.transforms"


def augmented(image: Tensor, augment: nn.Module) -> Tensor:
    """Change training images at random, each by draws of its own.

    A transform of torchvision flips, turns or crops a whole batch alike. So one, or whatever is
    made of some, is called for each image.

    Args:
        image: Pixels, `(B, C, H, W)`.
        augment: What changes them.

    Returns:
        The images, changed.
    """
    if not _draws_once(augment):
        changed: Tensor = augment(image)
        return changed
    return torch.cat([augment(each) for each in torch.split(image, 1)])


def _draws_once(augment: nn.Module) -> bool:
    kinds = {kind for part in augment.modules() for kind in type(part).__mro__}
    return any(kind.__module__.startswith(_ONE_DRAW) for kind in kinds)
