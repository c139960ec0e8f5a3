import pytest
import torch

from src.models import UNet


def test_unet_has_the_parameters_that_it_says() -> None:
    count = sum(parameter.numel() for parameter in UNet().parameters())
    assert f"{count:,}" in str(UNet.__doc__)


def test_logits_of_a_pixel_come_from_around_it_alone() -> None:
    network = UNet(image_shape=(1, 64, 64), width=4, depth=1).eval()
    image = torch.randn(1, 1, 64, 64)
    before = network(image)
    image[..., 40:] += 1
    changed = (network(image) != before).any(1)[0].any(0)  # (W,)
    assert changed[40:].all()
    assert not changed[:28].any()


def test_sizes_that_cannot_be_halved_are_taken() -> None:
    assert UNet(image_shape=(3, 29, 35), num_classes=4)(torch.zeros(1, 3, 29, 35)).shape[2:] == (
        29,
        35,
    )


@pytest.mark.parametrize(
    "sizes", [{"image_shape": (1, 7, 28)}, {"width": 0}, {"depth": 0}, {"num_classes": 0}]
)
def test_unet_refuses_impossible_sizes(sizes: dict) -> None:
    with pytest.raises(ValueError, match="UNet needs positive sizes and images of at least"):
        UNet(**sizes)
