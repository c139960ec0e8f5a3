import math

import pytest
import torch
import torch.nn.functional as F

from src.data import PerImageAffine
from src.data.per_image_affine import affine_origins


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand(3, 2, 9, 9, generator=torch.Generator().manual_seed(0))


def move(
    image: torch.Tensor, angle: float = 0, scale: float = 1, right: float = 0, down: float = 0
):
    one = torch.ones(len(image))
    shift = torch.stack([right * one, down * one])
    origins = affine_origins(image, angle * one, scale * one, shift)
    return F.grid_sample(image, origins, align_corners=False)


def test_nothing_asked_is_identity(image: torch.Tensor) -> None:
    torch.testing.assert_close(PerImageAffine()(image), image)


def test_whole_shift_moves_pixels(image: torch.Tensor) -> None:
    moved = move(image, right=2, down=1)
    torch.testing.assert_close(moved[..., 1:, 2:], image[..., :-1, :-2])
    assert moved[..., 0, :].abs().max() < 1e-5
    assert moved[..., :, :2].abs().max() < 1e-5


def test_shift_is_in_pixels_of_oblong_images() -> None:
    image = torch.rand(2, 1, 6, 12, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(move(image, right=3)[..., 3:], image[..., :-3])


def test_turn_keeps_the_shape_of_what_is_in_oblong_images() -> None:
    image = torch.rand(2, 1, 6, 12, generator=torch.Generator().manual_seed(0))
    middle = image[..., 3:9].rot90(-1, (2, 3))
    torch.testing.assert_close(move(image, angle=math.pi / 2)[..., 3:9], middle)


def test_quarter_turn_is_clockwise(image: torch.Tensor) -> None:
    torch.testing.assert_close(move(image, angle=math.pi / 2), image.rot90(-1, (2, 3)))


def test_zoom_enlarges_about_the_centre() -> None:
    image = torch.zeros(1, 1, 9, 9)
    image[..., 3:6, 3:6] = 1
    assert move(image, scale=2).sum() == pytest.approx(36, rel=0.05)


def test_each_image_has_its_own_draw(image: torch.Tensor) -> None:
    same = image[:1].repeat(8, 1, 1, 1)
    out = PerImageAffine(degrees=20, shift_px=2, zoom=0.2)(same)
    assert len(out.flatten(1).unique(dim=0)) == 8


def test_draws_span_the_ranges_asked_for(
    image: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = torch.tensor([[1.0], [0.75], [0.5], [0.25]]).expand(4, 3)  # -> 1, 1/2, 0 and -1/2
    monkeypatch.setattr(torch, "rand", lambda *args, **kwargs: draw)
    moved = PerImageAffine(degrees=90, shift_px=4, zoom=0.4)(image)
    expected = move(image, angle=math.pi / 2, scale=1.2, right=0, down=-2)
    torch.testing.assert_close(moved, expected)


def test_draws_follow_the_generator(image: torch.Tensor) -> None:
    def draw(seed: int) -> torch.Tensor:
        return PerImageAffine(shift_px=2)(image, torch.Generator().manual_seed(seed))

    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))


@pytest.mark.parametrize("wrong", [{"degrees": -1}, {"shift_px": -1}, {"zoom": 1.0}])
def test_impossible_ranges_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="PerImageAffine needs"):
        PerImageAffine(**wrong)


def test_draws_are_of_the_type_of_the_image(image: torch.Tensor) -> None:
    assert PerImageAffine(degrees=5)(image.double()).dtype == torch.double
    torch.manual_seed(3)
    drawn = PerImageAffine(shift_px=2)(image)
    torch.testing.assert_close(
        drawn, PerImageAffine(shift_px=2)(image, torch.Generator().manual_seed(3))
    )
