import pytest
import torch

from src.data import PerImageAffine, PerImageElastic


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand(6, 1, 12, 24, generator=torch.Generator().manual_seed(0))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def bend(image: torch.Tensor, **settings: float) -> torch.Tensor:
    """Find how far each pixel is pulled [px], `(B, H, W, 2)`."""
    still = PerImageElastic(bend_px=0).origins(image, generator())
    moved = PerImageElastic(**settings).origins(image, generator())
    return (moved - still) * torch.tensor([image.shape[3] / 2, image.shape[2] / 2])


def test_without_bending_it_is_the_affine_transform(image: torch.Tensor) -> None:
    settings = {"degrees": 10, "shift_px": 2, "zoom": 0.1}
    elastic = PerImageElastic(bend_px=0, **settings)(image, generator())
    torch.testing.assert_close(elastic, PerImageAffine(**settings)(image, generator()))


def test_pull_at_the_corners_is_what_was_asked(image: torch.Tensor) -> None:
    corners = bend(image.repeat(50, 1, 1, 1), bend_px=3)[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert 2.9 < corners.abs().max() <= 3
    assert corners.mean().abs() < 0.2
    assert corners.std() == pytest.approx(3 / 3**0.5, rel=0.1)  # of a uniform distribution


def test_neighbours_move_together(image: torch.Tensor) -> None:
    pull = bend(image, bend_px=2, cells=2)
    assert pull.diff(dim=2).abs().max() < 0.6
    assert pull.diff(dim=1).abs().max() < 1.2


def test_each_image_is_bent_in_its_own_way(image: torch.Tensor) -> None:
    out = PerImageElastic(bend_px=2)(image[:1].repeat(8, 1, 1, 1))
    assert len(out.flatten(1).unique(dim=0)) == 8


@pytest.mark.parametrize("settings", [{"bend_px": -1}, {"cells": 0}, {"zoom": 1}])
def test_impossible_settings_are_refused(settings: dict) -> None:
    with pytest.raises(ValueError, match="PerImage"):
        PerImageElastic(**settings)


def test_defaults_bend_by_a_pixel_and_a_half_and_nothing_else(image: torch.Tensor) -> None:
    given, asked = PerImageElastic(), PerImageElastic(1.5, 5, 0, 0, 0)
    assert torch.equal(given(image, generator()), asked(image, generator()))
    assert PerImageElastic(cells=1)(image.double()).dtype == torch.double


def test_grid_has_so_many_cells(image: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes, rand = [], torch.rand
    monkeypatch.setattr(torch, "rand", lambda *size, **_: shapes.append(size) or rand(*size))
    PerImageElastic(cells=3)(image)
    assert shapes == [(4, 6), ((6, 2, 4, 4),)]
