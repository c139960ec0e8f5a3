"""Several digits of MNIST in an image: which ones are there?"""

import torch
import torch.nn.functional as F
from torch import Tensor
from typing_extensions import override

from src.data.made_mnist import MadeMNISTDataModule
from src.data.mnist import MNISTDataModule
from src.data.per_image_affine import PerImageAffine

_SIDE = 2  # places in a row and in a column
_VARIED = PerImageAffine(degrees=15.0, shift_px=3.0, zoom=0.1)


class SeveralMNISTDataModule(MadeMNISTDataModule):
    """Images with up to four digits, each half as large; the target says which ones are there.

    Each of four places has a digit with a probability of one half, a little turned, zoomed and
    moved: an image may also have none, or one twice. Each epoch puts other digits together. A digit
    of the test occurs in two of its images on average, so that these are not quite independent.

    Attributes:
        num_classes: Number of digits K.
        class_names: Name of each.
    """

    num_classes = 10
    class_names = MNISTDataModule.class_names
    mean: float = 0.0651  # of all pixels of the validation images, in [0, 1]
    std: float = 0.2008

    @override
    def made(
        self, digit: Tensor, label: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        places = range(_SIDE**2)
        draw = torch.rand(len(places), len(digit), device=digit.device, generator=generator)
        shown = draw < 1 / 2  # (4, B)
        kinds = F.one_hot(label, self.num_classes).byte()
        target = torch.stack([kinds.roll(n, 0) * shown[n].unsqueeze(1) for n in places]).amax(0)
        parts = [_VARIED(digit.roll(n, 0), generator) * shown[n].view(-1, 1, 1, 1) for n in places]
        half = F.avg_pool2d(torch.cat(parts), _SIDE)  # (4 B, 1, H / 2, W / 2)
        rows = half.view(_SIDE, _SIDE, *digit.shape[:2], *half.shape[2:])
        return rows.permute(2, 3, 0, 4, 1, 5).reshape(digit.shape), target
