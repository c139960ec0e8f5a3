from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from src.data import Images
from src.data.photos import Photos
from tests.data.photo_folders import photo

SHAPE = (3, 8, 8)


def photos(folder: Path, count: int = 4, cropped: bool = False) -> Photos:
    pixels = np.random.default_rng(0).integers(0, 256, (count, 30, 24, 3), np.uint8)
    paths = [folder / f"{number}.png" for number in range(count)]
    for path, each in zip(paths, pixels, strict=True):
        Image.fromarray(each).save(path)
    return Photos(paths, torch.arange(count), SHAPE, cropped)


def read(path: Path, shape: tuple[int, int, int] = SHAPE) -> torch.Tensor:
    return Photos([path], torch.zeros(1).long(), shape)[0].image


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "I;16", "CMYK", "RGB"])
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_of_any_mode_become_images(tmp_path: Path, mode: str, channels: int) -> None:
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    picture = Image.new("L", (9, 7), 128)
    picture.paste(255, (0, 0, 4, 7))
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture).astype(np.uint16) * 257)
    else:
        picture = picture.convert(mode)
    picture.save(path)
    image = read(path, (channels, 8, 8))
    assert (image.shape, image.dtype) == ((channels, 8, 8), torch.uint8)
    assert image[0, 4, 0] > image[0, 4, -1] + 50


def test_smallest_picture_becomes_an_image(tmp_path: Path) -> None:
    image = read(photo(tmp_path / "a.png", 7, (1, 1)))
    assert image.flatten(1).unique(dim=1).flatten().tolist() == [7, 248, 0]


def test_picture_is_turned_as_the_camera_says(tmp_path: Path) -> None:
    picture = Image.new("L", (64, 64))
    picture.paste(255, (0, 0, 64, 32))  # the upper half
    exif = Image.Exif()
    exif[0x0112] = 6  # the top is on the right
    picture.save(tmp_path / "a.jpg", exif=exif)
    image = read(tmp_path / "a.jpg")
    assert image[0, :, -1].min() > image[0, :, 0].max() + 200


def test_large_photo_is_decoded_nearly_as_sharp(tmp_path: Path) -> None:
    row = np.linspace(0, 255, 800).astype(np.uint8)
    Image.fromarray(np.tile(row, (600, 1))).convert("RGB").save(tmp_path / "a.jpg", quality=95)
    with Image.open(tmp_path / "a.jpg") as picture:
        picture.load()
        whole = Photos([], torch.empty(0), SHAPE).fit(picture)
    difference = read(tmp_path / "a.jpg").int() - whole.int()
    assert difference.abs().max() <= 3


def test_photos_kept_in_memory_are_the_same(tmp_path: Path) -> None:
    streamed, kept = photos(tmp_path), photos(tmp_path)
    kept.keep(streamed.image[:])
    first, second = kept.divide([3, 1])
    assert isinstance(first, Images)
    assert torch.equal(first.image, streamed.image[:3])
    assert torch.equal(second.label, torch.tensor([3]))
    assert second.image.shape == (1, *streamed.decoded_shape[1:])
    assert torch.equal(streamed.divide([3, 1])[1][0].image, second.image[0])


def test_random_cuts_follow_the_generator_alone(tmp_path: Path) -> None:
    def cuts(part: Photos, seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return torch.stack([part[index].image for index in range(4)])

    streamed, kept = photos(tmp_path, cropped=True), photos(tmp_path, cropped=True)
    kept.keep(streamed.uncut().image[:])
    at_random = streamed.with_random_cuts()
    assert torch.equal(cuts(at_random, 1), cuts(kept.with_random_cuts(), 1))
    assert not torch.equal(cuts(at_random, 1), cuts(at_random, 2))
    assert torch.equal(cuts(streamed, 1), cuts(streamed, 2))
    assert cuts(at_random, 1).shape[1:] == SHAPE


def test_images_are_decoded_when_they_are_asked_for(tmp_path: Path) -> None:
    image = photos(tmp_path).image
    (tmp_path / "3.png").unlink()
    assert len(image) == 4
    assert image[1].shape == SHAPE
    assert image[torch.tensor([2, 0])].shape == (2, *SHAPE)
    assert image[:0].shape == (0, *SHAPE)
    with pytest.raises(OSError, match=r"3\.png can no longer be read"):
        image[3]
