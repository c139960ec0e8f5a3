import pytest
import torch
from torch import Tensor, nn
from torchvision import transforms as v1
from torchvision.transforms import v2

from src.data import PerImageAffine
from src.data.per_image import augmented

IMAGE = torch.rand(64, 3, 8, 8, generator=torch.Generator().manual_seed(1))


class Wrapped(nn.Module):
    """What a user makes of a transform."""

    def __init__(self) -> None:
        super().__init__()
        self.flip = v2.RandomHorizontalFlip()

    def forward(self, image: Tensor) -> Tensor:
        return self.flip(image)


class Own(v2.RandomHorizontalFlip):
    """What a user derives from one."""


FLIPS = {
    "v1": v1.RandomHorizontalFlip(),
    "v2": v2.RandomHorizontalFlip(),
    "composed": v2.Compose([v2.RandomHorizontalFlip(), PerImageAffine()]),
    "sequence": nn.Sequential(PerImageAffine(), v2.RandomHorizontalFlip()),
    "chosen": v2.RandomApply([v2.RandomHorizontalFlip(p=1.0)]),
    "wrapped": Wrapped(),
    "derived": Own(),
}


@pytest.mark.parametrize("name", FLIPS)
def test_each_image_is_flipped_or_not_by_itself(name: str) -> None:
    torch.manual_seed(0)
    changed = augmented(IMAGE, FLIPS[name])
    flipped = [torch.allclose(new, old.flip(-1)) for new, old in zip(changed, IMAGE, strict=True)]
    kept = [torch.allclose(new, old) for new, old in zip(changed, IMAGE, strict=True)]
    assert [a != b for a, b in zip(flipped, kept, strict=True)] == [True] * 64
    assert 16 < sum(flipped) < 48  # of 64; outside of it in less than one of 10,000 tries


def test_same_seed_changes_images_alike() -> None:
    crop = v2.RandomResizedCrop(6)
    first, again, other = (
        (torch.manual_seed(seed), augmented(IMAGE, crop))[1] for seed in (1, 1, 2)
    )
    assert first.shape == (64, 3, 6, 6)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_augmentation_that_draws_for_each_image_gets_the_whole_batch() -> None:
    class Whole(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            assert len(image) == 64
            return image + 1

    assert torch.equal(augmented(IMAGE, Whole()), IMAGE + 1)
