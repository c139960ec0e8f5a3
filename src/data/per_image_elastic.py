"""Random bending of a batch of images, each image by its own.

Written here because kornia 0.9 smooths noise of every pixel instead of pulling the corners of a
grid: twice the time, and another augmentation than that of the results in `configs/`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from typing_extensions import override

from src.data.per_image_affine import PerImageAffine


class PerImageElastic(PerImageAffine):
    """Bend each image at random, as if it were drawn on rubber, and rotate, zoom and shift it.

    The corners of a coarse grid are pulled by uniform draws and what is between them follows
    smoothly; with the rest it is one resampling a batch.

    Args:
        bend_px: Largest pull along each axis at a corner of the grid [px].
        cells: Cells of the grid along each axis; more of them bend finer parts.
        degrees: Largest rotation either way [degree].
        shift_px: Largest shift along each axis [px].
        zoom: Largest relative change of size; 0.1 draws from 0.9 to 1.1; in `[0, 1)`.

    Raises:
        ValueError: An argument is negative, `cells` is below 1, or `zoom` is not below 1.

    References:
        Simard, Steinkraus and Platt, "Best practices for convolutional neural networks applied
        to visual document analysis", ICDAR 2003. doi:10.1109/ICDAR.2003.1227801
    """

    def __init__(
        self,
        bend_px: float = 1.5,
        cells: int = 5,
        degrees: float = 0.0,
        shift_px: float = 0.0,
        zoom: float = 0.0,
    ) -> None:
        super().__init__(degrees, shift_px, zoom)
        if bend_px < 0 or cells < 1:
            raise ValueError(
                f"PerImageElastic needs bend_px >= 0 and cells >= 1, got {bend_px=}, {cells=}"
            )
        self.bend_px = bend_px
        self.cells = cells

    @override
    def origins(self, image: Tensor, generator: torch.Generator | None) -> Tensor:
        origins = super().origins(image, generator)
        batch, _, height, width = image.shape
        corners = (batch, 2, self.cells + 1, self.cells + 1)
        pull = torch.rand(corners, device=image.device, dtype=image.dtype, generator=generator)
        bend = F.interpolate(
            pull * 2 - 1, size=(height, width), mode="bicubic", align_corners=True
        ).permute(0, 2, 3, 1)  # (B, H, W, 2)
        return origins + bend * bend.new_tensor([2 / width, 2 / height]) * self.bend_px
