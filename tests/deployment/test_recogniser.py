"""What is said of a drawing."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from src.deployment.classifier import Classifier
from src.deployment.recogniser import Recogniser


def png(size: tuple[int, int] = (2, 2), dots: int = 1) -> bytes:
    picture = Image.new("L", size, 255)
    for x in range(dots):
        picture.putpixel((x, 0), 0)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def darkness(picture: Image.Image) -> Tensor:
    flat = torch.tensor([*picture.convert("L").tobytes()], dtype=torch.uint8)
    return 255 - flat.reshape(1, picture.height, picture.width)


RECOGNISE = Recogniser(Classifier(nn.Flatten(), 0.0, 1.0).eval(), darkness, ["a", "b", "c", "d"])


def test_probabilities_are_of_the_picture() -> None:
    answer = RECOGNISE(png())
    expected = torch.tensor([1.0, 0.0, 0.0, 0.0]).softmax(0).tolist()
    assert answer["prediction"] == "a"
    assert answer["probabilities"] == pytest.approx(dict(zip("abcd", expected, strict=True)))
    assert answer["probability"] == pytest.approx(expected[0])
    assert answer["seen"].startswith("data:image/png;base64,")


def test_empty_picture_has_no_class() -> None:
    assert RECOGNISE(png(dots=0)) == {"prediction": None}


def test_reason_of_a_refusal_is_an_answer() -> None:
    def refuse(_: Image.Image) -> Tensor:
        raise ValueError("no digit")

    answer = Recogniser(RECOGNISE.classifier, refuse, "abcd")(png())
    assert answer == {"prediction": None, "error": "no digit"}


@pytest.mark.parametrize("content", [b"", b"no picture", png((99, 99))[:60], png((2100, 2000))])
def test_other_content_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^the picture cannot be read: [^\n]+$"):
        RECOGNISE(content)


def test_page_gets_the_image_that_the_network_saw() -> None:
    seen = torch.arange(24, dtype=torch.uint8).view(1, 4, 6)
    for image in (seen, torch.stack([seen[0], seen[0] + 50, seen[0] + 100])):
        classifier = Classifier(nn.Flatten(), 0.0, 1.0).eval()
        names = [str(number) for number in range(image.numel())]
        said = Recogniser(classifier, lambda _, image=image: image, names)(png())["seen"]
        shown = Image.open(io.BytesIO(base64.b64decode(said.partition("base64,")[2])))
        pixels = np.asarray(shown).reshape(4, 6, len(image))
        assert np.array_equal(np.moveaxis(pixels, -1, 0), image)


def test_picture_that_is_no_png_is_named_so() -> None:
    with pytest.raises(ValueError, match=r"^the picture cannot be read: no PNG file$"):
        RECOGNISE(b"no picture")
    other = io.BytesIO()
    Image.new("L", (2, 2), 1).save(other, "BMP")
    with pytest.raises(ValueError, match=r"no PNG file$"):
        RECOGNISE(other.getvalue())


@pytest.mark.parametrize("side", [2000, 2001])
def test_four_million_pixels_are_the_limit(side: int) -> None:
    large = png((2000, side), dots=0)
    if side == 2000:
        assert RECOGNISE(large) == {"prediction": None}
    else:
        with pytest.raises(ValueError, match=r": it has more than 4,000,000 pixels$"):
            RECOGNISE(large)
